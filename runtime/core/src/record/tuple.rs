//! Tuples of up to 12 records: one column a field, named `f0`, `f1`, … as in Flink.

use arrow_array::ArrayRef;
use arrow_schema::{DataType, Fields};

use super::codec::DecodeError;
use super::layout::{arrow_field, column, exactly, struct_array, struct_columns};
use super::{Builder, Columns, Record, SchemaMismatch};

macro_rules! tuple_record {
    ($columns:ident, $builder:ident, $len:literal: $($index:tt $name:ident $field:literal),+) => {
        #[doc = concat!("The columns of a tuple of ", $len, ".")]
        #[derive(Debug, Clone)]
        pub struct $columns<$($name),+>($($name),+);

        impl<$($name: Columns),+> Columns for $columns<$($name),+> {
            type Record = ($($name::Record,)+);

            fn from_array(array: &ArrayRef) -> Result<Self, SchemaMismatch> {
                Self::from_columns(struct_columns::<Self::Record>(array)?)
            }

            fn from_columns(columns: &[ArrayRef]) -> Result<Self, SchemaMismatch> {
                let columns = exactly::<$len, Self::Record>(columns)?;
                Ok(Self($(column::<$name>(&columns[$index])?),+))
            }

            fn len(&self) -> usize {
                self.0.len()
            }

            #[inline]
            fn get(&self, row: usize) -> <Self::Record as Record>::View<'_> {
                ($(self.$index.get(row),)+)
            }
        }

        #[doc = concat!("Collects tuples of ", $len, ".")]
        #[derive(Debug)]
        pub struct $builder<$($name),+>($($name),+);

        impl<$($name: Builder),+> Builder for $builder<$($name),+> {
            type Record = ($($name::Record,)+);

            fn with_capacity(rows: usize) -> Self {
                Self($($name::with_capacity(rows)),+)
            }

            #[inline]
            fn append(&mut self, view: <Self::Record as Record>::View<'_>) {
                $(self.$index.append(view.$index);)+
            }

            fn append_hidden(&mut self) {
                $(self.$index.append_hidden();)+
            }

            #[inline]
            fn len(&self) -> usize {
                self.0.len()
            }

            #[inline]
            fn bytes(&self) -> usize {
                0 $(+ self.$index.bytes())+
            }

            fn finish(&mut self) -> ArrayRef {
                struct_array::<Self::Record>(self.finish_columns())
            }

            fn finish_columns(&mut self) -> Vec<ArrayRef> {
                vec![$(self.$index.finish()),+]
            }
        }

        impl<$($name: Record),+> Record for ($($name,)+) {
            type View<'a> = ($($name::View<'a>,)+);
            type Columns = $columns<$($name::Columns),+>;
            type Builder = $builder<$($name::Builder),+>;

            fn data_type() -> DataType {
                DataType::Struct(Self::fields())
            }

            fn fields() -> Fields {
                Fields::from(vec![$(arrow_field::<$name>($field)),+])
            }

            #[inline]
            fn view(&self) -> Self::View<'_> {
                ($(self.$index.view(),)+)
            }

            fn from_view(view: Self::View<'_>) -> Self {
                ($($name::from_view(view.$index),)+)
            }

            fn encode(view: Self::View<'_>, out: &mut Vec<u8>) {
                $($name::encode(view.$index, out);)+
            }

            fn decode(input: &mut &[u8]) -> Result<Self, DecodeError> {
                Ok(($($name::decode(input)?,)+))
            }

            fn format(view: Self::View<'_>, out: &mut String) {
                out.push('(');
                $(
                    if $index > 0 {
                        out.push(',');
                    }
                    $name::format(view.$index, out);
                )+
                out.push(')');
            }
        }
    };
}

tuple_record!(Columns1, Builder1, 1: 0 A "f0");
tuple_record!(Columns2, Builder2, 2: 0 A "f0", 1 B "f1");
tuple_record!(Columns3, Builder3, 3: 0 A "f0", 1 B "f1", 2 C "f2");
tuple_record!(Columns4, Builder4, 4: 0 A "f0", 1 B "f1", 2 C "f2", 3 D "f3");
tuple_record!(Columns5, Builder5, 5: 0 A "f0", 1 B "f1", 2 C "f2", 3 D "f3", 4 E "f4");
tuple_record!(
    Columns6, Builder6, 6: 0 A "f0", 1 B "f1", 2 C "f2", 3 D "f3", 4 E "f4", 5 F "f5"
);
tuple_record!(
    Columns7, Builder7, 7: 0 A "f0", 1 B "f1", 2 C "f2", 3 D "f3", 4 E "f4", 5 F "f5", 6 G "f6"
);
tuple_record!(
    Columns8, Builder8, 8: 0 A "f0", 1 B "f1", 2 C "f2", 3 D "f3", 4 E "f4", 5 F "f5", 6 G "f6",
    7 H "f7"
);
tuple_record!(
    Columns9, Builder9, 9: 0 A "f0", 1 B "f1", 2 C "f2", 3 D "f3", 4 E "f4", 5 F "f5", 6 G "f6",
    7 H "f7", 8 I "f8"
);
tuple_record!(
    Columns10, Builder10, 10: 0 A "f0", 1 B "f1", 2 C "f2", 3 D "f3", 4 E "f4", 5 F "f5",
    6 G "f6", 7 H "f7", 8 I "f8", 9 J "f9"
);
tuple_record!(
    Columns11, Builder11, 11: 0 A "f0", 1 B "f1", 2 C "f2", 3 D "f3", 4 E "f4", 5 F "f5",
    6 G "f6", 7 H "f7", 8 I "f8", 9 J "f9", 10 K "f10"
);
tuple_record!(
    Columns12, Builder12, 12: 0 A "f0", 1 B "f1", 2 C "f2", 3 D "f3", 4 E "f4", 5 F "f5",
    6 G "f6", 7 H "f7", 8 I "f8", 9 J "f9", 10 K "f10", 11 L "f11"
);
