//! What cars tell, in files and made up.

use fastrand::Rng;
use sciurus::prelude::*;

/// The car's number, its speed in km/h, the metres it has covered, and when that was so, in
/// milliseconds since the Unix epoch.
pub type Car = (i32, i32, f64, Timestamp);

/// How many cars are made up.
const CARS: usize = 2;

/// When the made-up cars started: 2026-01-01.
const START: Timestamp = 1_767_225_600_000;

/// Reads what was printed as `(0,55,15.27,1767225600000)`.
///
/// # Errors
/// Where the line is something else.
pub fn parse(line: &str) -> Result<Car, BoxError> {
    let cells = line.trim().trim_start_matches('(').trim_end_matches(')').split(',').map(str::trim);
    let cells: Vec<_> = cells.collect();
    let [car, speed, distance, time] = cells[..] else {
        return Err(format!("'{line}' is not of the form (car,speed,distance,time)").into());
    };
    let wrong = |what: &str, cell: &str| format!("the {what} '{cell}' in '{line}' is not a number");
    Ok((
        car.parse().map_err(|_| wrong("car", car))?,
        speed.parse().map_err(|_| wrong("speed", speed))?,
        distance.parse().map_err(|_| wrong("distance", distance))?,
        time.parse().map_err(|_| wrong("time", time))?,
    ))
}

/// Returns what made-up cars tell, each once a second for `seconds` seconds. They accelerate or
/// brake by 5 km/h at random; `seed` says how.
pub fn made_up(seconds: u32, seed: u64) -> impl Iterator<Item = Car> + Clone + Send + Sync {
    let mut random = Rng::with_seed(seed);
    let mut cars = [(50, 0.0); CARS];
    (0..seconds).flat_map(move |second| {
        let mut told = Vec::with_capacity(CARS);
        for (number, (speed, distance)) in cars.iter_mut().enumerate() {
            *speed = if random.bool() { (*speed + 5).min(100) } else { (*speed - 5).max(0) };
            *distance += f64::from(*speed) / 3.6;
            told.push((number as i32, *speed, *distance, START + Timestamp::from(second) * 1000));
        }
        told
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_read() {
        for car in made_up(50, 7) {
            let mut text = String::new();
            Car::format(car.view(), &mut text);
            assert_eq!(parse(&text).unwrap(), car);
        }
    }

    #[test]
    fn a_wrong_line_is_told_what_is_wrong_with_it() {
        let error = |line: &str| parse(line).unwrap_err().to_string();
        assert_eq!(error("(0,fast,1.0,5)"), "the speed 'fast' in '(0,fast,1.0,5)' is not a number");
        assert!(error("(0,55)").contains("(car,speed,distance,time)"));
    }

    #[test]
    fn cars_cover_the_distance_of_their_speed() {
        let cars: Vec<_> = made_up(100, 7).filter(|car| car.0 == 1).collect();
        assert_eq!(cars.len(), 100);
        for pair in cars.windows(2) {
            assert!((pair[1].2 - pair[0].2 - f64::from(pair[1].1) / 3.6).abs() < 1e-9);
        }
    }
}
