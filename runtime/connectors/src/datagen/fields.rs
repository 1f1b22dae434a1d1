//! Generators of single fields, and tuples of them as generators of records.

use std::marker::PhantomData;
use std::ops::Range;

use fastrand::Rng;
use sciurus_core::Record;

/// Makes the value of a field from a row's number. A tuple of generators makes a tuple of values.
pub trait FieldGenerator: Send + Sync + 'static {
    /// What it makes.
    type Value: Record;

    /// Makes the value of row `number`, counted from 0; `random` is the row's own.
    fn generate(&self, number: u64, random: &mut Rng) -> Self::Value;
}

/// Returns the source of random values for a row: the same for the same seed and number.
pub(super) fn random_of(seed: u64, number: u64) -> Rng {
    let mut random = Rng::with_seed(seed.rotate_left(32) ^ number);
    // Seeds that are near each other have first values that are, too.
    let seed = random.u64(..);
    Rng::with_seed(seed ^ number)
}

/// A generator that is a function of the row's number and its source of random values.
#[derive(Debug, Clone, Copy)]
pub struct FunctionGenerator<F, V> {
    function: F,
    value: PhantomData<fn() -> V>,
}

impl<F, V> FieldGenerator for FunctionGenerator<F, V>
where
    F: Fn(u64, &mut Rng) -> V + Send + Sync + 'static,
    V: Record,
{
    type Value = V;

    fn generate(&self, number: u64, random: &mut Rng) -> V {
        (self.function)(number, random)
    }
}

/// Makes values by any function of the row's number and its source of random values.
pub fn by<F, V>(function: F) -> FunctionGenerator<F, V>
where
    F: Fn(u64, &mut Rng) -> V + Send + Sync + 'static,
    V: Record,
{
    FunctionGenerator { function, value: PhantomData }
}

/// Makes `from`, `from + 1`, …
pub fn sequence(from: i64) -> impl FieldGenerator<Value = i64> {
    by(move |number, _| from.wrapping_add_unsigned(number))
}

/// Makes random numbers from `range`, whose end is not included.
///
/// # Panics
/// Where the range is empty.
pub fn random<N: RandomNumber>(range: Range<N>) -> impl FieldGenerator<Value = N> {
    assert!(range.start < range.end, "the range of a random field is empty");
    by(move |_, random| N::random(&range, random))
}

/// Makes text of so many random hexadecimal digits, as Flink does.
pub fn random_text(digits: usize) -> impl FieldGenerator<Value = String> {
    by(move |_, random| {
        let digit = |_| char::from_digit(random.u32(..16), 16).unwrap_or('0');
        (0..digits).map(digit).collect::<String>()
    })
}

/// Makes true and false.
pub fn random_bool() -> impl FieldGenerator<Value = bool> {
    by(|_, random| random.bool())
}

/// Makes one of `values`, each as often as the others.
///
/// # Panics
/// Where there are none.
pub fn choice<S: Into<String>>(
    values: impl IntoIterator<Item = S>,
) -> impl FieldGenerator<Value = String> {
    let values: Vec<String> = values.into_iter().map(Into::into).collect();
    assert!(!values.is_empty(), "there is nothing to choose from");
    by(move |_, random| values[random.usize(..values.len())].clone())
}

/// A number that can be drawn from a range.
pub trait RandomNumber: Record + PartialOrd + Copy {
    /// Draws a number.
    fn random(range: &Range<Self>, random: &mut Rng) -> Self;
}

macro_rules! random_integer {
    ($($type:ident),+) => {$(
        impl RandomNumber for $type {
            fn random(range: &Range<Self>, random: &mut Rng) -> Self {
                random.$type(range.clone())
            }
        }
    )+};
}

random_integer!(i8, i16, i32, i64, u8, u16, u32, u64);

impl RandomNumber for f64 {
    fn random(range: &Range<Self>, random: &mut Rng) -> Self {
        range.start + random.f64() * (range.end - range.start)
    }
}

impl RandomNumber for f32 {
    fn random(range: &Range<Self>, random: &mut Rng) -> Self {
        range.start + random.f32() * (range.end - range.start)
    }
}

macro_rules! tuple_generator {
    ($($name:ident $index:tt),+) => {
        impl<$($name: FieldGenerator),+> FieldGenerator for ($($name,)+) {
            type Value = ($($name::Value,)+);

            fn generate(&self, number: u64, random: &mut Rng) -> Self::Value {
                ($(self.$index.generate(number, random),)+)
            }
        }
    };
}

tuple_generator!(A 0);
tuple_generator!(A 0, B 1);
tuple_generator!(A 0, B 1, C 2);
tuple_generator!(A 0, B 1, C 2, D 3);
tuple_generator!(A 0, B 1, C 2, D 3, E 4);
tuple_generator!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple_generator!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple_generator!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuple_generator!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuple_generator!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuple_generator!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuple_generator!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);
