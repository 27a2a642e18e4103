//! An upstream that answers with exactly these bytes, in exactly these pieces.

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Answers every request with the same status line, headers and pieces of a chunked body.
pub(super) struct RawUpstream {
    base_url: String,
    task: JoinHandle<()>,
}

impl RawUpstream {
    /// An upstream whose answer has this `content-type` and a body of these pieces, each a chunk of its own. `ends` is
    /// whether the chunked framing is ended properly.
    pub(super) async fn start(content_type: &str, pieces: Vec<Bytes>, ends: bool) -> Self {
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\nset-cookie: upstream=1\r\nserver: raw\r\ntransfer-encoding: chunked\r\n\r\n"
        )
        .into_bytes();
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            answer.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
            answer.extend_from_slice(piece);
            answer.extend_from_slice(b"\r\n");
        }
        if ends {
            answer.extend_from_slice(b"0\r\n\r\n");
        }
        Self::start_with(answer).await
    }

    /// An upstream that writes these bytes for every request and closes the connection.
    pub(super) async fn start_with(answer: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that leaves early is none of the test's business.
                drop(answer_one(stream, &answer).await);
            }
        });
        Self { base_url, task }
    }

    pub(super) fn base_url(&self) -> &str {
        &self.base_url
    }
}

impl Drop for RawUpstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer_one(mut stream: TcpStream, answer: &[u8]) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await?;
        request.extend_from_slice(&buffer[..read]);
        if read == 0 || is_whole(&request) {
            break;
        }
    }
    stream.write_all(answer).await?;
    stream.shutdown().await
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().strip_prefix("content-length:").map(|value| value.trim().parse().unwrap())
        })
        .unwrap_or(0_usize);
    body.len() >= length
}
