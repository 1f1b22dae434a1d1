//! What a window of a car is: when it is looked at, and what is kept of it.

use sciurus::prelude::*;

use super::cars::Car;

/// Fires whenever the car has covered more than so many metres since it fired last: Flink's
/// `DeltaTrigger`.
#[derive(Debug, Clone)]
pub struct EveryMeters(pub f64);

impl Trigger<Car, GlobalWindow> for EveryMeters {
    /// The distance at which it fired last.
    type State = Option<f64>;

    fn on_element(
        &self,
        (_, _, distance, _): (i32, i32, f64, Timestamp),
        _: Option<Timestamp>,
        _: &GlobalWindow,
        fired_at: &mut Option<f64>,
        _: &mut TriggerContext<'_>,
    ) -> TriggerResult {
        if distance - *fired_at.get_or_insert(distance) <= self.0 {
            return TriggerResult::Continue;
        }
        *fired_at = Some(distance);
        TriggerResult::Fire
    }
}

/// Finds the highest speed of the last so many milliseconds, and forgets what is older.
#[derive(Debug, Clone)]
pub struct TopSpeedOfLast(pub Timestamp);

impl AggregateFunction for TopSpeedOfLast {
    type Input = Car;
    type Accumulator = Vec<Car>;
    type Output = Car;

    fn create_accumulator(&self) -> Vec<Car> {
        Vec::new()
    }

    fn add(&self, car: (i32, i32, f64, Timestamp), recent: &mut Vec<Car>) {
        recent.push(car);
        let newest = recent.iter().map(|(_, _, _, time)| *time).max();
        recent.retain(|(_, _, _, time)| newest.is_some_and(|newest| *time > newest - self.0));
    }

    fn result(&self, recent: &Vec<Car>) -> Car {
        // Of equal speeds the first counts.
        let fastest = recent.iter().reduce(|top, car| if car.1 > top.1 { car } else { top });
        fastest.copied().unwrap_or_default()
    }

    fn merge(&self, mut one: Vec<Car>, other: Vec<Car>) -> Vec<Car> {
        for car in other {
            self.add(car, &mut one);
        }
        one
    }
}
