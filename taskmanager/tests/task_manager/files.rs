//! Log files, asked for over the session and sent beside it.

use std::fs;

use sciurus_rpc::proto::job_manager_message::Message as FromJobManager;
use sciurus_rpc::proto::task_manager_message::Message as ToJobManager;
use sciurus_rpc::proto::{self, FileKind};

use crate::fixture::Fixture;

impl Fixture {
    async fn ask(&self, request: u64, kind: FileKind, name: &str, range: (u64, u64)) {
        self.session
            .send(FromJobManager::ReadFile(proto::ReadFile {
                request,
                kind: kind.into(),
                name: name.to_owned(),
                offset: range.0,
                length: range.1,
            }))
            .await;
    }

    async fn refusal(&mut self, request: u64) -> String {
        self.session
            .expect(|message| match message {
                ToJobManager::FileRefused(refused) if refused.request == request => {
                    Some(refused.reason.clone())
                }
                _ => None,
            })
            .await
    }
}

#[tokio::test]
async fn files_are_listed_and_sent_and_what_is_none_is_refused() {
    let mut fixture = Fixture::new(&[]).await;
    let log = (0..100_000).map(|number| format!("line {number}")).collect::<Vec<_>>().join("\n");
    fs::write(fixture.dir.path().join("log/tm.log"), &log).unwrap();
    fs::write(fixture.dir.path().join("log/empty"), "").unwrap();
    fixture.started(1, 1, "obey").await;

    fixture.session.send(FromJobManager::ListFiles(proto::ListFiles { request: 3 })).await;
    let wanted = |message: &ToJobManager| match message {
        ToJobManager::FileList(list) => Some(list.clone()),
        _ => None,
    };
    let list = fixture.session.expect(wanted).await;
    let mut names: Vec<_> = list.files.iter().map(|file| file.name.as_str()).collect();
    names.sort_unstable();
    let job = "01".repeat(16);
    let (err, out) = (format!("tm-worker-{job}.log"), format!("tm-worker-{job}.out"));
    assert_eq!((list.request, names), (3, vec!["empty", &*err, &*out, "tm.log"]));

    fixture.ask(4, FileKind::Log, "", (0, 0)).await;
    let (total, bytes) = fixture.job_manager.file(4).await;
    assert!(total == log.len() as u64 && bytes == log.as_bytes());
    fixture.ask(5, FileKind::Named, "tm.log", (5, 7)).await;
    assert_eq!(fixture.job_manager.file(5).await, (log.len() as u64, b"0\nline ".to_vec()));
    fixture.ask(6, FileKind::Named, "empty", (0, 0)).await;
    assert_eq!(fixture.job_manager.file(6).await, (0, Vec::new()));
    fixture.ask(7, FileKind::Named, &out, (0, 0)).await;
    let (_, bytes) = fixture.job_manager.file(7).await;
    assert!(String::from_utf8(bytes).unwrap().contains("out of obey"));
    fixture.ask(8, FileKind::ThreadDump, "", (0, 0)).await;
    let (_, dump) = fixture.job_manager.file(8).await;
    let dump = String::from_utf8(dump).unwrap();
    assert!(dump.contains("TaskManager (process ") && dump.contains(&job), "{dump}");

    fixture.ask(9, FileKind::Named, "../tmp", (0, 0)).await;
    assert!(fixture.refusal(9).await.contains("no file '../tmp'"));
    fixture.ask(10, FileKind::Stdout, "", (0, 0)).await;
    assert!(fixture.refusal(10).await.contains("standard output"));
    // Many at once: each is sent or refused.
    for request in 100..200 {
        fixture.ask(request, FileKind::Named, "absent", (0, 0)).await;
    }
    for request in 100..200 {
        fixture.refusal(request).await;
    }
    fixture.stop().await;
}
