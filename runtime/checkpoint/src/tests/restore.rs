//! Who gets what.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use sciurus_core::checkpoint::CheckpointId;
use sciurus_core::graph::{ChainedOperator, JobGraph, JobType, JobVertex};
use sciurus_core::ids::{JobVertexId, NodeId, OperatorId};
use sciurus_core::key::KeyGroupRange;

use super::samples;
use crate::restore::{RestoreError, plan};
use crate::{
    CheckpointMetadata, KeyedStateHandle, OperatorState, OperatorStateHandle, OperatorSubtaskState,
    StateData,
};

fn id(number: u8) -> OperatorId {
    OperatorId::from_bytes([number; 16])
}

/// A job of chains of operators, each chain with a parallelism.
fn graph(chains: &[(&[u8], u32, u32)]) -> JobGraph {
    let vertices = chains.iter().map(|(operators, parallelism, max_parallelism)| JobVertex {
        id: JobVertexId::from(id(operators[0])),
        name: format!("{operators:?}"),
        description: String::new(),
        operators: operators
            .iter()
            .map(|number| ChainedOperator {
                node: NodeId(u32::from(*number)),
                operator_id: id(*number),
                name: format!("operator {number}"),
                uid: Some(format!("uid-{number}")),
                input: None,
                keyed: true,
            })
            .collect(),
        parallelism: *parallelism,
        max_parallelism: *max_parallelism,
        max_parallelism_configured: true,
        slot_sharing_group: "default".to_owned(),
        is_source: false,
        is_bounded_source: false,
    });
    JobGraph {
        job_name: "job".to_owned(),
        job_type: JobType::Streaming,
        vertices: vertices.collect(),
        edges: Vec::new(),
    }
}

fn inline(text: String) -> StateData {
    StateData::Inline(text.into())
}

fn state(number: u8, parallelism: u32, max_parallelism: u32, has_union: bool) -> OperatorState {
    let subtask = |index| OperatorSubtaskState {
        keyed: Some(KeyedStateHandle::Snapshot {
            range: KeyGroupRange::of_subtask(index, parallelism, max_parallelism),
            data: inline(format!("keyed {index}")),
        }),
        operator: Some(OperatorStateHandle {
            data: inline(format!("operator {index}")),
            has_union,
        }),
    };
    OperatorState {
        id: id(number),
        uid: Some(format!("old-uid-{number}")),
        name: format!("old {number}"),
        parallelism,
        max_parallelism,
        subtasks: (0..parallelism).map(|index| (index, subtask(index))).collect(),
        enumerator: None,
        is_finished: false,
    }
}

fn checkpoint(operators: Vec<OperatorState>) -> CheckpointMetadata {
    CheckpointMetadata { operators, ..samples::small(samples::FOLDER) }
}

proptest! {
    #[test]
    fn each_key_group_goes_to_one_subtask_and_none_is_lost(
        max_parallelism in 1_u32..300,
        old in 1_u32..40,
        new in 1_u32..40,
        has_union in any::<bool>(),
    ) {
        let (old, new) = (old.min(max_parallelism), new.min(max_parallelism));
        let metadata = checkpoint(vec![state(1, old, max_parallelism, has_union)]);
        let graph = graph(&[(&[1], new, max_parallelism)]);
        let plan = plan(&metadata, &graph, false).unwrap();
        let mut given = vec![0; max_parallelism as usize];
        let mut operator = BTreeMap::<u32, usize>::new();
        for subtask in 0..new {
            let restore = plan.subtask(JobVertexId::from(id(1)), subtask);
            prop_assert_eq!(restore.checkpoint, CheckpointId(7));
            let restore = &restore.operators[&id(1)];
            prop_assert_eq!(restore.old_parallelism, old);
            let own = KeyGroupRange::of_subtask(subtask, new, max_parallelism);
            for handle in &restore.keyed {
                let range = handle.range();
                let shared = range.start.max(own.start)..range.end.min(own.end);
                prop_assert!(!shared.is_empty(), "{range:?} is nothing to {own:?}");
                for group in shared {
                    given[group as usize] += 1;
                }
            }
            for index in restore.operator.keys() {
                *operator.entry(*index).or_default() += 1;
            }
            if old == new && !has_union {
                prop_assert_eq!(restore.operator.keys().copied().collect::<Vec<_>>(), [subtask]);
            } else {
                prop_assert_eq!(restore.operator.len() as u32, old);
            }
        }
        prop_assert_eq!(given, vec![1; max_parallelism as usize]);
        prop_assert_eq!(operator.len() as u32, old);
    }
}

#[test]
fn state_without_a_home_is_named_or_left_out() {
    let mut unnamed = state(3, 1, 128, false);
    unnamed.uid = None;
    let mut stateless = state(4, 1, 128, false);
    stateless.subtasks.clear();
    let metadata =
        checkpoint(vec![state(1, 1, 128, false), state(2, 2, 128, false), unnamed, stateless]);
    let graph = graph(&[(&[1], 1, 128)]);
    let error = plan(&metadata, &graph, false).unwrap_err().to_string();
    for part in [
        "'old 2' (uid 'old-uid-2', id 02020202020202020202020202020202, 34 bytes)",
        "'old 3' (without uid, id 03030303030303030303030303030303, 17 bytes)",
        "--allowNonRestoredState",
    ] {
        assert!(error.contains(part), "{error}");
    }
    assert!(!error.contains("old 1") && !error.contains("old 4"), "{error}");
    let plan = plan(&metadata, &graph, true).unwrap();
    let left_out: Vec<_> = plan.left_out().iter().map(|state| state.id).collect();
    assert_eq!(left_out, [id(2), id(3)]);
    assert_eq!(plan.subtask(JobVertexId::from(id(1)), 0).operators.len(), 1);
}

#[test]
fn a_new_operator_starts_without_state_in_a_chain_with_restored_ones() {
    let plan =
        plan(&checkpoint(vec![state(1, 2, 128, false)]), &graph(&[(&[9, 1], 2, 128)]), false)
            .unwrap();
    let restore = plan.subtask(JobVertexId::from(id(9)), 1);
    assert_eq!(restore.operators.keys().collect::<Vec<_>>(), [&id(1)]);
    assert!(!restore.is_finished);
    assert!(plan.subtask(JobVertexId::from(id(8)), 0).operators.is_empty());
}

#[test]
fn another_maximum_parallelism_is_refused_where_there_is_keyed_state() {
    let metadata = checkpoint(vec![state(1, 2, 128, false)]);
    let error = plan(&metadata, &graph(&[(&[1], 2, 256)]), false).unwrap_err();
    assert!(matches!(error, RestoreError::MaxParallelism { checkpoint: 128, job: 256, .. }));
    assert!(error.to_string().contains("'operator 1' (uid 'uid-1'"), "{error}");
    let mut operator_only = state(1, 2, 128, false);
    for subtask in operator_only.subtasks.values_mut() {
        subtask.keyed = None;
    }
    let plan = plan(&checkpoint(vec![operator_only]), &graph(&[(&[1], 3, 256)]), false).unwrap();
    assert_eq!(plan.subtask(JobVertexId::from(id(1)), 2).operators[&id(1)].operator.len(), 2);
}

#[test]
fn more_subtasks_than_key_groups_are_refused() {
    let metadata = checkpoint(vec![state(1, 2, 4, false)]);
    let error = plan(&metadata, &graph(&[(&[1], 5, 4)]), false).unwrap_err();
    assert!(matches!(error, RestoreError::Parallelism { parallelism: 5, max_parallelism: 4, .. }));
}

#[test]
fn a_key_group_in_two_places_is_refused() {
    let mut twice = state(1, 2, 128, false);
    let first = twice.subtasks[&0].clone();
    twice.subtasks.insert(1, first);
    let error = plan(&checkpoint(vec![twice]), &graph(&[(&[1], 2, 128)]), false).unwrap_err();
    assert!(matches!(error, RestoreError::Overlap { group: 0, .. }), "{error}");
}

#[test]
fn a_chain_that_had_finished_stays_so_and_one_that_had_in_part_is_refused() {
    let finished = |number| OperatorState {
        is_finished: true,
        subtasks: BTreeMap::new(),
        ..state(number, 2, 128, false)
    };
    let metadata = checkpoint(vec![finished(1), finished(2), state(3, 2, 128, false)]);
    let whole = plan(&metadata, &graph(&[(&[1, 2], 2, 128), (&[3], 2, 128)]), false).unwrap();
    assert!(whole.subtask(JobVertexId::from(id(1)), 0).is_finished);
    assert!(!whole.subtask(JobVertexId::from(id(3)), 0).is_finished);
    for chain in [&[2, 3][..], &[2, 9]] {
        let error =
            plan(&metadata, &graph(&[(&[1], 2, 128), (chain, 2, 128), (&[3], 2, 128)]), false);
        assert!(matches!(error, Err(RestoreError::PartlyFinished { .. })), "{error:?}");
    }
}

#[test]
fn a_sources_enumerator_is_given_back() {
    let mut source = state(1, 1, 128, false);
    source.enumerator = Some(Bytes::from_static(b"splits"));
    let plan = plan(&checkpoint(vec![source]), &graph(&[(&[1], 3, 128)]), false).unwrap();
    assert_eq!(plan.enumerator(id(1)).as_deref(), Some(&b"splits"[..]));
    assert_eq!(plan.enumerator(id(2)), None);
}
