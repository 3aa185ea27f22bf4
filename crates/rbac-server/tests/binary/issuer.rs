//! An issuer that serves its key set over a socket, well or badly.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use keygen::rsa::RsaPair;
use mcp_auth::authn::jwt::KeySet;
use serde_json::{Value, json};

/// How it answers.
#[derive(Clone)]
pub(crate) enum Mode {
    /// With this body.
    Body(String),
    /// With this body, as soon as the other end is dropped.
    Held(String, Arc<Mutex<Receiver<()>>>),
    /// With this status, and the address of another.
    Redirect(u16, String),
    /// With ten megabytes, which it announces or not.
    Huge { announced: bool },
    /// One byte at a time, without an end.
    Trickle,
    /// With this status.
    Status(u16),
    /// Not at all.
    HangUp,
}

impl Mode {
    /// An answer that is held back for as long as the second is there.
    pub(crate) fn held(body: String) -> (Self, Sender<()>) {
        let (hold, held) = mpsc::channel();
        (Self::Held(body, Arc::new(Mutex::new(held))), hold)
    }
}

#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) url: String,
    mode: Arc<Mutex<Mode>>,
    asked: Arc<AtomicUsize>,
}

impl Issuer {
    pub(crate) fn start(mode: Mode) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), mode)
    }

    pub(crate) fn on(listener: TcpListener, mode: Mode) -> Self {
        let url = format!("http://{}/jwks.json", listener.local_addr().unwrap());
        let issuer = Self { url, mode: Arc::new(Mutex::new(mode)), asked: Arc::default() };
        let own = issuer.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let own = own.clone();
                thread::spawn(move || own.answer(stream.unwrap()));
            }
        });
        issuer
    }

    pub(crate) fn now(&self, mode: Mode) {
        *self.mode.lock().unwrap() = mode;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Whoever asked may have gone away: then nothing more is to be done.
    fn answer(&self, mut stream: TcpStream) {
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read == 1) {
            head.push(byte[0]);
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mode = self.mode.lock().unwrap().clone();
        let _ = match mode {
            Mode::Body(body) => send(&mut stream, &body),
            Mode::Held(body, held) => {
                let _ = held.lock().unwrap().recv();
                send(&mut stream, &body)
            }
            Mode::Redirect(status, to) => {
                write!(stream, "HTTP/1.1 {status} x\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
            }
            Mode::Huge { announced } => huge(&mut stream, announced),
            Mode::Trickle => trickle(&mut stream),
            Mode::Status(status) => {
                write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n")
            }
            Mode::HangUp => Ok(()),
        };
    }
}

fn send(stream: &mut TcpStream, body: &str) -> std::io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn huge(stream: &mut TcpStream, announced: bool) -> std::io::Result<()> {
    let length = 10 * 1024 * 1024;
    let announcement =
        if announced { format!("content-length: {length}\r\n") } else { String::new() };
    write!(stream, "HTTP/1.1 200 OK\r\nconnection: close\r\n{announcement}\r\n{{\"keys\":[")?;
    let part = [b' '; 64 * 1024];
    (0..length / part.len()).try_for_each(|_| stream.write_all(&part))
}

fn trickle(stream: &mut TcpStream) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n")?;
    loop {
        stream.write_all(b" ")?;
        thread::sleep(Duration::from_millis(50));
    }
}

pub(crate) fn jwk(pair: &RsaPair) -> Value {
    KeySet::rs256(&pair.public_pem).unwrap().to_jwks(Timestamp::now())["keys"][0].clone()
}

pub(crate) fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}
