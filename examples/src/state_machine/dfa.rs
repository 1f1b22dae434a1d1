//! The state machine that every address is to follow.
//!
//! ```text
//!           +--[a]--> W --[b]--> Y --[e]---+
//!           |                    ^         |
//!  Initial--+                    |         +--> Z --[g]--> Terminal
//!           |                    |         |
//!           +--[c]--> X --[b]----+         |
//!                     |                    |
//!                     +--------[d]---------+
//! ```

use fastrand::Rng;

/// What may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are but letters")]
pub enum EventType {
    A,
    B,
    C,
    D,
    E,
    F,
    G,
}

impl EventType {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 7] = [Self::A, Self::B, Self::C, Self::D, Self::E, Self::F, Self::G];

    /// Returns the one of this number; those beyond the last are the last.
    pub fn of_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::G)
    }

    /// Returns the letter.
    pub fn letter(self) -> char {
        char::from(b'a' + self as u8)
    }
}

/// What an address can be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "most are but letters")]
pub enum State {
    Initial,
    W,
    X,
    Y,
    Z,
    Terminal,
}

impl State {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 6] = [Self::Initial, Self::W, Self::X, Self::Y, Self::Z, Self::Terminal];

    /// Returns the one of this number; those beyond the last are the last.
    pub fn of_number(number: u8) -> Self {
        Self::ALL.get(usize::from(number)).copied().unwrap_or(Self::Terminal)
    }

    /// Returns what an event leads to; `None` where it mustn't happen.
    pub fn transition(self, event: EventType) -> Option<Self> {
        match (self, event) {
            (Self::Initial, EventType::A) => Some(Self::W),
            (Self::Initial, EventType::C) => Some(Self::X),
            (Self::W | Self::X, EventType::B) => Some(Self::Y),
            (Self::X, EventType::D) | (Self::Y, EventType::E) => Some(Self::Z),
            (Self::Z, EventType::G) => Some(Self::Terminal),
            _ => None,
        }
    }

    /// Picks one of the events that may happen, some more often than others; in the terminal state
    /// none may.
    pub fn random_event(self, random: &mut Rng) -> Option<EventType> {
        let rare = |probability: f64, random: &mut Rng| random.f64() < probability;
        match self {
            Self::Initial => Some(if rare(0.4, random) { EventType::C } else { EventType::A }),
            Self::W => Some(EventType::B),
            Self::X => Some(if rare(0.2, random) { EventType::B } else { EventType::D }),
            Self::Y => Some(EventType::E),
            Self::Z => Some(EventType::G),
            Self::Terminal => None,
        }
    }

    /// Picks one of the events that mustn't happen.
    pub fn random_invalid_event(self, random: &mut Rng) -> EventType {
        loop {
            let event = EventType::ALL[random.usize(..EventType::ALL.len())];
            if self.transition(event).is_none() {
                return event;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_values_agree() {
        assert!(EventType::ALL.iter().all(|event| EventType::of_number(*event as u8) == *event));
        assert!(State::ALL.iter().all(|state| State::of_number(*state as u8) == *state));
    }

    #[test]
    fn random_events_are_what_they_claim_and_all_of_them_occur() {
        let mut random = Rng::with_seed(1);
        for state in State::ALL {
            for event in EventType::ALL {
                let valid = state.transition(event).is_some();
                let picked = (0..300).any(|_| state.random_event(&mut random) == Some(event));
                assert_eq!(picked, valid, "{state:?} {event:?}");
                let picked = (0..300).any(|_| state.random_invalid_event(&mut random) == event);
                assert_eq!(picked, !valid, "{state:?} {event:?}");
            }
        }
    }
}
