//! JSON straight into columns, without a tree in between.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::nested::StructData;
use super::{Column, Rows, Scalar};

impl Rows {
    /// Appends the record that `text` holds: an object for a record with fields, otherwise a
    /// value. Fields that the record doesn't have are ignored.
    pub(crate) fn append_json(&mut self, text: &str) -> Result<(), serde_json::Error> {
        let len = self.len();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let read = if self.is_scalar() {
            Value(&mut self.columns()[0]).deserialize(&mut deserializer)
        } else {
            Object(self.row()).deserialize(&mut deserializer)
        };
        let ended = read.and_then(|()| deserializer.end());
        self.end_row(len, ended, serde_json::Error::custom)
    }
}

/// Takes an object's fields.
struct Object<'a>(&'a mut StructData);

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(place) = map.next_key_seed(Key(self.0))? {
            match place {
                Some(place) => {
                    let column = self.0.field(place).map_err(A::Error::custom)?;
                    map.next_value_seed(Value(column))?;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Finds the field that a key names.
struct Key<'a>(&'a mut StructData);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Option<usize>, E> {
        Ok(self.0.find(name))
    }
}

/// Takes the value of a field or an item of a list.
struct Value<'a>(&'a mut Column);

impl Value<'_> {
    fn scalar<E: Error>(self, value: Scalar<'_>) -> Result<(), E> {
        self.0.append(value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.0.append_null().map_err(E::custom)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(Scalar::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scalar(Scalar::Integer(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scalar(Scalar::Integer(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.scalar(Scalar::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.scalar(Scalar::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        if let Some(list) = self.0.as_list() {
            while seq.next_element_seed(Value(list.items()))?.is_some() {}
            list.end_list();
            self.0.set_valid();
            return Ok(());
        }
        Err(A::Error::custom(self.0.misfit("a list".to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        if let Some(fields) = self.0.as_struct() {
            Object(&mut *fields).visit_map(map)?;
            fields.end_struct().map_err(A::Error::custom)?;
            self.0.set_valid();
            return Ok(());
        }
        Err(A::Error::custom(self.0.misfit("an object".to_owned())))
    }
}

/// Returns what is wrong, and in which column of the line, without the line's number: that is the
/// file's, not the parser's.
pub(crate) fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match text.strip_suffix(&place) {
        Some(what) => format!("column {}: {what}", error.column()),
        None => text,
    }
}
