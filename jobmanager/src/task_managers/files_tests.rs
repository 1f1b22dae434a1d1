use std::sync::Arc;

use tokio_stream::iter;

use super::*;

fn tm() -> TaskManagerId {
    TaskManagerId::new("tm")
}

/// Asks for a file; returns the question's number and the answer to come.
async fn ask(
    requests: &Arc<OpenRequests>,
) -> (u64, tokio::task::JoinHandle<Result<FileStream, FileError>>) {
    let (sender, receiver) = oneshot::channel();
    let requests = requests.clone();
    let answer = tokio::spawn(async move {
        requests.read(&tm(), 1, |request| sender.send(request).is_ok()).await
    });
    (receiver.await.unwrap(), answer)
}

#[allow(clippy::unnecessary_wraps)]
fn chunk(request: u64, data: &'static [u8]) -> Result<FileChunk, Status> {
    Ok(FileChunk { request, total_bytes: 9, data: Bytes::from_static(data) })
}

#[tokio::test]
async fn a_file_comes_in_chunks() {
    let requests = Arc::new(OpenRequests::default());
    let (request, answer) = ask(&requests).await;
    requests.on_file(iter([chunk(request, b"abc"), chunk(0, b"def")])).await.unwrap();
    let file = answer.await.unwrap().unwrap();
    assert_eq!(file.total_bytes(), 9);
    let bytes: Vec<_> = file.map(Result::unwrap).collect().await;
    assert_eq!(bytes.concat(), b"abcdef");
}

#[tokio::test]
async fn a_file_that_breaks_off_says_so() {
    let requests = Arc::new(OpenRequests::default());
    let (request, answer) = ask(&requests).await;
    let broken = Err(Status::unavailable("gone"));
    requests.on_file(iter([chunk(request, b"abc"), broken])).await.unwrap();
    let parts: Vec<_> = answer.await.unwrap().unwrap().collect().await;
    assert_eq!(parts[1], Err(FileError::Broken("gone".to_owned())));
}

#[tokio::test]
async fn whoever_waits_hears_of_refusals_and_losses() {
    let requests = Arc::new(OpenRequests::default());
    let (request, answer) = ask(&requests).await;
    let reason = "no such file".to_owned();
    requests.on_refused(7, proto::FileRefused { request, reason: reason.clone() });
    assert!(!answer.is_finished(), "another session's answer is none");
    requests.on_refused(1, proto::FileRefused { request, reason });
    let error = answer.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "TaskManager tm can't send the file: no such file");

    let (_, answer) = ask(&requests).await;
    requests.lose(1);
    assert_eq!(answer.await.unwrap().unwrap_err(), FileError::Lost(tm()));
    assert!(requests.open.lock().is_empty());
}

#[tokio::test]
async fn nobody_waits_for_ever() {
    let patience = Duration::from_millis(20);
    let requests = Arc::new(OpenRequests { patience, ..OpenRequests::default() });
    let (request, answer) = ask(&requests).await;
    assert_eq!(answer.await.unwrap().unwrap_err(), FileError::Timeout(tm()));
    assert!(requests.on_file(iter([chunk(request, b"late")])).await.is_err());
    let (request, answer) = ask(&requests).await;
    answer.abort();
    let _ = answer.await;
    assert!(requests.on_file(iter([chunk(request, b"unwanted")])).await.is_err());
}
