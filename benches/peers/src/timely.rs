//! On timely dataflow: words are exchanged by their hash, and counted where they come to.

use std::cell::Cell;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use rustc_hash::FxHashMap;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::Operator;
use timely::dataflow::operators::generic::operator::source;

use crate::text::{Lines, hash, words};
use crate::{Updates, WORKERS};

/// How many lines a source reads before others have their turn.
const LINES_AT_ONCE: usize = 256;

/// Counts words.
pub fn count(files: Vec<PathBuf>) -> Updates {
    let all = Arc::new(Mutex::new(Updates::default()));
    let sums = all.clone();
    let guards = timely::execute(timely::Config::process(WORKERS), move |worker| {
        let mut lines = Lines::of_worker(&files, worker.index(), worker.peers());
        let seen = Rc::new(Cell::new(Updates::default()));
        let sink = seen.clone();
        worker.dataflow::<u64, _, _>(|scope| {
            source::<_, timely::container::CapacityContainerBuilder<Vec<String>>, _, _>(
                scope,
                "lines",
                |capability, info| {
                    let activator = scope.activator_for(info.address);
                    let mut capability = Some(capability);
                    move |output| {
                        let Some(held) = &capability else { return };
                        let mut session = output.session(held);
                        for _ in 0..LINES_AT_ONCE {
                            let Some(line) = lines.next_line() else {
                                drop(session);
                                capability = None;
                                return;
                            };
                            words(line, |word| session.give(word));
                        }
                        activator.activate();
                    }
                },
            )
            .unary::<timely::container::CapacityContainerBuilder<Vec<(String, u64)>>, _, _, _>(
                Exchange::new(|word: &String| hash(word)),
                "count",
                |_, _| {
                    let mut counts: FxHashMap<String, u64> = FxHashMap::default();
                    move |input, output| {
                        input.for_each(|time, data| {
                            let mut session = output.session(&time);
                            for word in data.drain(..) {
                                let count = match counts.get_mut(&word) {
                                    Some(count) => {
                                        *count += 1;
                                        *count
                                    }
                                    None => {
                                        counts.insert(word.clone(), 1);
                                        1
                                    }
                                };
                                session.give((word, count));
                            }
                        });
                    }
                },
            )
            .sink(Pipeline, "nowhere", move |(input, _)| {
                input.for_each(|_, data| {
                    let mut updates = sink.get();
                    data.drain(..).for_each(|(_, count)| updates.add(count));
                    sink.set(updates);
                });
            });
        });
        while worker.step_or_park(None) {}
        let mut all = sums.lock().unwrap();
        *all = all.and(seen.get());
    });
    guards.unwrap().join().into_iter().for_each(|worker| worker.unwrap());
    let all = *all.lock().unwrap();
    all
}
