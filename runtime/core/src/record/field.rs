//! Typed column selectors: `F0`, `F1`, … for tuples; `#[derive(Record)]` makes them for structs
//! (`Reading::SENSOR`).

use super::Record;

/// Names one field of record type `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no field of `{T}`",
    note = "the fields of a tuple are `F0`, `F1`, …, those of a struct are constants like `Reading::SENSOR`"
)]
pub trait Field<T: Record>: Copy + Send + Sync + 'static {
    /// The field's type.
    type Type: Record;

    /// The field's place among `T`'s columns.
    const INDEX: usize;

    /// Returns the field of a view.
    fn get(self, view: T::View<'_>) -> <Self::Type as Record>::View<'_>;

    /// Returns the field of an owned record for writing.
    fn get_mut(self, record: &mut T) -> &mut Self::Type;
}

/// Names the field or fields of `T` that make a key: a [`Field`] or a tuple of up to four.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not select key columns of `{T}`",
    note = "give `key_by` a field (`F0`, `Reading::SENSOR`) or a tuple of fields; for a computed key use `key_by_fn::<Key>(|record| …)`"
)]
pub trait KeyColumns<T: Record>: Copy + Send + Sync + 'static {
    /// The key's type: the field's own, or the tuple of the fields' types.
    type Key: Record;

    /// Returns the places of the key's fields among `T`'s columns.
    fn indices() -> Vec<usize>;
}

macro_rules! tuple_fields {
    ($($field:ident $index:literal),+) => {$(
        #[doc = concat!("The field `f", $index, "` of a tuple.")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $field;
    )+};
}

tuple_fields!(
    F0 0, F1 1, F2 2, F3 3, F4 4, F5 5, F6 6, F7 7, F8 8, F9 9, F10 10, F11 11
);

macro_rules! select {
    (@one [$($all:ident),+] $field:ident $index:tt $type:ident) => {
        impl<$($all: Record),+> Field<($($all,)+)> for $field {
            type Type = $type;
            const INDEX: usize = $index;

            #[inline]
            fn get(self, view: <($($all,)+) as Record>::View<'_>) -> $type::View<'_> {
                view.$index
            }

            fn get_mut(self, record: &mut ($($all,)+)) -> &mut $type {
                &mut record.$index
            }
        }

        impl<$($all: Record),+> KeyColumns<($($all,)+)> for $field {
            type Key = $type;

            fn indices() -> Vec<usize> {
                vec![$index]
            }
        }
    };
    ($all:tt: $($field:ident $index:tt $type:ident),+) => {
        $(select!(@one $all $field $index $type);)+
    };
}

select!([A]: F0 0 A);
select!([A, B]: F0 0 A, F1 1 B);
select!([A, B, C]: F0 0 A, F1 1 B, F2 2 C);
select!([A, B, C, D]: F0 0 A, F1 1 B, F2 2 C, F3 3 D);
select!([A, B, C, D, E]: F0 0 A, F1 1 B, F2 2 C, F3 3 D, F4 4 E);
select!([A, B, C, D, E, F]: F0 0 A, F1 1 B, F2 2 C, F3 3 D, F4 4 E, F5 5 F);
select!([A, B, C, D, E, F, G]: F0 0 A, F1 1 B, F2 2 C, F3 3 D, F4 4 E, F5 5 F, F6 6 G);
select!(
    [A, B, C, D, E, F, G, H]:
    F0 0 A, F1 1 B, F2 2 C, F3 3 D, F4 4 E, F5 5 F, F6 6 G, F7 7 H
);
select!(
    [A, B, C, D, E, F, G, H, I]:
    F0 0 A, F1 1 B, F2 2 C, F3 3 D, F4 4 E, F5 5 F, F6 6 G, F7 7 H, F8 8 I
);
select!(
    [A, B, C, D, E, F, G, H, I, J]:
    F0 0 A, F1 1 B, F2 2 C, F3 3 D, F4 4 E, F5 5 F, F6 6 G, F7 7 H, F8 8 I, F9 9 J
);
select!(
    [A, B, C, D, E, F, G, H, I, J, K]:
    F0 0 A, F1 1 B, F2 2 C, F3 3 D, F4 4 E, F5 5 F, F6 6 G, F7 7 H, F8 8 I, F9 9 J, F10 10 K
);
select!(
    [A, B, C, D, E, F, G, H, I, J, K, L]:
    F0 0 A, F1 1 B, F2 2 C, F3 3 D, F4 4 E, F5 5 F, F6 6 G, F7 7 H, F8 8 I, F9 9 J, F10 10 K,
    F11 11 L
);

macro_rules! key_tuple {
    ($($name:ident),+) => {
        impl<T: Record, $($name: Field<T>),+> KeyColumns<T> for ($($name,)+) {
            type Key = ($($name::Type,)+);

            fn indices() -> Vec<usize> {
                vec![$($name::INDEX),+]
            }
        }
    };
}

key_tuple!(A, B);
key_tuple!(A, B, C);
key_tuple!(A, B, C, D);

/// A field that can be summed and compared.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number",
    note = "`sum` takes fields that are integers or floats; `reduce` takes any record"
)]
pub trait Numeric:
    super::primitive::Primitive + for<'a> Record<View<'a> = Self> + PartialOrd
{
    /// Whether [`sub`](Self::sub) takes back exactly what [`add`](Self::add) added: where it
    /// doesn't round.
    const EXACT: bool;

    /// Adds; integers wrap around as Flink's do.
    #[must_use]
    fn add(self, other: Self) -> Self;

    /// Subtracts; integers wrap around.
    #[must_use]
    fn sub(self, other: Self) -> Self;
}

macro_rules! numeric {
    (wrapping: $($int:ty),+; plain: $($float:ty),+) => {
        $(impl Numeric for $int {
            const EXACT: bool = true;

            #[inline]
            fn add(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            #[inline]
            fn sub(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }
        })+
        $(impl Numeric for $float {
            const EXACT: bool = false;

            #[inline]
            fn add(self, other: Self) -> Self {
                self + other
            }

            #[inline]
            fn sub(self, other: Self) -> Self {
                self - other
            }
        })+
    };
}

numeric!(wrapping: i8, i16, i32, i64, u8, u16, u32, u64; plain: f32, f64);
