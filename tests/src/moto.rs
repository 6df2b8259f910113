//! S3 on loopback, as moto answers it: a program written by others.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// A server with buckets; ended when the last test that holds it is over.
pub struct Moto {
    port: u16,
    child: Child,
}

/// moto wants a signature, and believes any.
const AS_ANYBODY: &str =
    "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";

static RUNNING: Mutex<Weak<Moto>> = Mutex::new(Weak::new());

impl Moto {
    /// The server, started if none is running; `None`, said aloud, where moto is not installed.
    pub fn get() -> Option<Arc<Self>> {
        let Some(program) = std::env::var_os("DRIFT_MOTO") else {
            println!(
                "skipped: no stand-in for S3 (`cargo xtask test` installs moto, where there is Python 3.9 or newer with venv and pip)"
            );
            return None;
        };
        let mut running = RUNNING.lock().unwrap();
        if let Some(server) = running.upgrade() {
            return Some(server);
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(program);
        command
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = Arc::new(Self { port, child: command.spawn().unwrap() });
        for _ in 0..600 {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                *running = Arc::downgrade(&server);
                return Some(server);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("moto did not answer within a minute");
    }

    pub fn endpoint_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A new bucket, with a name of its own.
    pub fn bucket(&self) -> String {
        let name = format!("runs-{:012x}", fastrand::u64(..1 << 48));
        assert_eq!(self.call("PUT", &name, b"").0, 200);
        name
    }

    /// The names of a bucket's objects, in order.
    pub fn objects(&self, bucket: &str) -> Vec<String> {
        let (status, body) = self.call("GET", &format!("{bucket}?list-type=2"), b"");
        assert_eq!(status, 200, "{body}");
        body.split("<Key>").skip(1).map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
    }

    pub fn object(&self, bucket: &str, object: &str) -> Vec<u8> {
        let (status, body) = self.call_bytes("GET", &format!("{bucket}/{object}"), b"");
        assert_eq!(status, 200, "{object}");
        body
    }

    pub fn put(&self, bucket: &str, object: &str, content: &[u8]) {
        assert_eq!(self.call("PUT", &format!("{bucket}/{object}"), content).0, 200);
    }

    pub fn delete(&self, bucket: &str, object: &str) {
        assert_eq!(self.call("DELETE", &format!("{bucket}/{object}"), b"").0, 204);
    }

    fn call(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let (status, body) = self.call_bytes(method, path, body);
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    fn call_bytes(&self, method: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let head = format!(
            "{method} /{path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{AS_ANYBODY}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.port,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8_lossy(&answer[..end]).into_owned();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), answer.split_off(end + 4))
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
