//! What may come over the control socket instead of a request.

use host::swap::{
    DeviceRequest,
    control::{self, ControlSocket},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
};

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_no_request_is_answered_with_an_error_and_leaves_room_for_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let mut control = ControlSocket::listen(dir.path()).unwrap();
    let (asks, _asked) = mpsc::channel(1);
    let (requests, mut ordered) = mpsc::channel::<DeviceRequest<()>>(1);
    let serving = tokio::spawn(control.serve(asks, requests).unwrap());
    let no_requests = [
        &b"\n"[..],
        b"",
        b"\xff\xfe\n",
        b"{\"command\":\"status\"",
        b"{\"command\":\"reboot\"}\n",
        b"{\"command\":\"swap\",\"file\":7}\n",
        b"GET / HTTP/1.1\r\n\r\n",
        &[b'['; 20_000],
    ];
    // More often than connections are taken at a time.
    for bytes in no_requests.repeat(5) {
        let mut stream = control::connect(dir.path()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // What was not read resets the connection, after the answer.
        let _ = stream.read_to_end(&mut answer).await;
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let error = answer.get("error").and_then(Value::as_str).unwrap();
        assert!(error.starts_with("malformed request"), "{error}");
    }
    let mut stream = control::connect(dir.path()).await.unwrap();
    stream
        .write_all(b"{\"command\":\"status\"}\n")
        .await
        .unwrap();
    assert!(matches!(
        ordered.recv().await,
        Some(DeviceRequest::Status(_))
    ));
    serving.abort();
}
