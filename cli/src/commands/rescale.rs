//! `rescale`: changes a running job's parallelism.

use std::collections::BTreeMap;

use sciurus_core::ids::JobId;
use serde_json::{Value, json};

use super::connect;
use super::operation::{Rescales, Waiting};
use super::output::Answer;
use crate::Error;
use crate::arguments::{Rescale, VertexParallelism};
use crate::rest::answers::{JobDetails, RescaleRequest, Triggered, VertexDetails};

/// Asks for other numbers of subtasks and waits until they run.
pub fn run(arguments: &Rescale) -> Result<(), Error> {
    let Rescale { vertices, detached, job, parallelism, target } = arguments;
    let (client, _) = connect(target)?;
    let answer = Answer { json: target.json };
    let details: JobDetails = client.get(&format!("/jobs/{job}"))?;
    let wanted = wanted(*job, &details.vertices, *parallelism, vertices)?;
    answer.say(format!("Rescaling job {job}."))?;
    let request = RescaleRequest { vertices: wanted.clone() };
    let trigger: Triggered = client.post(&format!("/jobs/{job}/rescale"), &request)?;
    if *detached {
        let id = &trigger.request_id;
        let text = format!("Successfully trigger rescaling, triggerId: {id}");
        return answer.tell(text, &json!({ "triggerId": id }));
    }
    answer.say("Waiting for response...")?;
    let what = format!("Could not rescale job {job}");
    Rescales { job: *job }.wait(&client, &trigger, what)?;
    let after: JobDetails = client.get(&format!("/jobs/{job}"))?;
    let before = |vertex: &VertexDetails| {
        let found = details.vertices.iter().find(|old| old.id == vertex.id);
        found.map_or(vertex.parallelism, |old| old.parallelism)
    };
    if target.json {
        let vertex = |vertex: &VertexDetails| {
            json!({
                "id": vertex.id,
                "name": vertex.name,
                "before": before(vertex),
                "parallelism": vertex.parallelism,
            })
        };
        let vertices: Vec<Value> = after.vertices.iter().map(vertex).collect();
        return answer.tell("", &json!({ "jobid": job.to_string(), "vertices": vertices }));
    }
    answer.say(format!("Rescaled job {job}."))?;
    for vertex in &after.vertices {
        let VertexDetails { name, parallelism, .. } = vertex;
        answer.say(format!("- {name}: {} -> {parallelism}", before(vertex)))?;
    }
    Ok(())
}

/// Says how many subtasks each vertex is to have, by its id.
fn wanted<'a>(
    job: JobId,
    vertices: &'a [VertexDetails],
    all: Option<u32>,
    named: &[VertexParallelism],
) -> Result<BTreeMap<&'a str, u32>, Error> {
    let mut wanted: BTreeMap<&str, u32> = BTreeMap::new();
    if let Some(parallelism) = all {
        wanted.extend(vertices.iter().map(|vertex| (vertex.id.as_str(), parallelism)));
    }
    for VertexParallelism { vertex, parallelism } in named {
        let id = find(job, vertices, vertex)?;
        wanted.insert(id, *parallelism);
    }
    Ok(wanted)
}

/// Finds the id of the vertex that has this id or name.
fn find<'a>(job: JobId, vertices: &'a [VertexDetails], wanted: &str) -> Result<&'a str, Error> {
    if let Some(vertex) = vertices.iter().find(|vertex| vertex.id == wanted) {
        return Ok(&vertex.id);
    }
    let found: Vec<_> = vertices.iter().filter(|vertex| vertex.name == wanted).collect();
    match found[..] {
        [vertex] => Ok(&vertex.id),
        [] => Err(Error::UnknownVertex {
            job,
            vertex: wanted.to_owned(),
            vertices: vertices.iter().map(|vertex| format!("'{}'", vertex.name)).collect(),
        }),
        _ => Err(Error::AmbiguousVertex { job, vertex: wanted.to_owned(), count: found.len() }),
    }
}

#[cfg(test)]
mod tests {
    use sciurus_core::ids::HEX_ID_BYTES;

    use super::*;

    fn vertices() -> Vec<VertexDetails> {
        let vertex = |id: &str, name: &str| VertexDetails {
            id: id.to_owned(),
            name: name.to_owned(),
            parallelism: 1,
            ..VertexDetails::default()
        };
        vec![vertex("a1", "Source: lines"), vertex("b2", "counter"), vertex("c3", "counter")]
    }

    #[test]
    fn vertices_are_found_by_name_or_id() {
        let job = JobId::from_bytes([1; HEX_ID_BYTES]);
        let vertices = vertices();
        let named = ["Source: lines=3".parse().unwrap(), "c3=5".parse().unwrap()];
        let found = wanted(job, &vertices, Some(2), &named).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), [("a1", 3), ("b2", 2), ("c3", 5)]);
        let few = wanted(job, &vertices, None, &named[..1]).unwrap();
        assert_eq!(few.into_iter().collect::<Vec<_>>(), [("a1", 3)]);
        let unknown = find(job, &vertices, "lines").unwrap_err().to_string();
        assert!(
            unknown.contains("no vertex 'lines'; it has 'Source: lines', 'counter'"),
            "{unknown}"
        );
        let ambiguous = find(job, &vertices, "counter").unwrap_err().to_string();
        assert!(ambiguous.contains("2 vertices called 'counter'"), "{ambiguous}");
    }
}
