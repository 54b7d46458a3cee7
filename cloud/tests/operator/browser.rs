//! A browser, as the console's listener meets it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
};

use serde_json::Value;

use crate::site::Site;

pub(crate) const DEVICES: &str = "/devices?api-version=2021-04-12";

/// What came back, as it came.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A browser, or what pretends to be one.
pub(crate) struct Browser {
    pub(crate) console: SocketAddr,
    pub(crate) cookie: Option<String>,
    /// The key of the session, which the page takes out of the address.
    pub(crate) key: Option<String>,
}

impl Browser {
    pub(crate) fn new(site: &Site) -> Self {
        Self::at(site.cloud.console().address())
    }

    pub(crate) fn at(console: SocketAddr) -> Self {
        Self {
            console,
            cookie: None,
            key: None,
        }
    }

    pub(crate) fn signed_in(site: &Site) -> Self {
        let mut browser = Self::new(site);
        let reply = browser.open(&site.cloud.console().link());
        assert_eq!(reply.status, 303);
        browser
    }

    /// Opens a link, keeping the cookie and the key that come with it.
    pub(crate) fn open(&mut self, link: &str) -> Reply {
        let home = format!("http://{}", self.console);
        let path = link.strip_prefix(&home).expect("a link to the console");
        let reply = self.get(path);
        if let Some(cookie) = reply.header("set-cookie") {
            self.cookie = cookie.split(';').next().map(str::to_owned);
            let page = reply.header("location").unwrap();
            self.key = page.strip_prefix("/console/#key=").map(str::to_owned);
        }
        reply
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], "")
    }

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut request = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        let host = self.console.to_string();
        let mut all = vec![("host", host.as_str())];
        all.extend(self.cookie.as_deref().map(|cookie| ("cookie", cookie)));
        all.extend(self.key.as_deref().map(|key| ("x-console-key", key)));
        // One that is given again takes the place of ours.
        all.retain(|(name, _)| !headers.iter().any(|(given, _)| given == name));
        for (name, value) in all.iter().chain(headers) {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("content-length: {}\r\n\r\n{body}", body.len());
        exchange(self.console, &request)
    }
}

pub(crate) fn exchange(address: SocketAddr, request: &str) -> Reply {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Reply {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// A stream of events that was asked for, after the head of the response.
pub(crate) fn open_stream(browser: &Browser) -> BufReader<TcpStream> {
    let mut stream = BufReader::new(TcpStream::connect(browser.console).unwrap());
    let [cookie, key] = [&browser.cookie, &browser.key].map(|secret| secret.as_deref().unwrap());
    let request = format!(
        "GET /api/events?format=ndjson HTTP/1.1\r\nhost: {}\r\ncookie: {cookie}\r\nx-console-key: {key}\r\n\r\n",
        browser.console
    );
    stream.get_mut().write_all(request.as_bytes()).unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    assert_eq!(line.trim(), "HTTP/1.1 200 OK");
    while line.trim() != "" {
        line.clear();
        stream.read_line(&mut line).unwrap();
    }
    stream
}

/// Reads a response up to the end of its last chunk.
pub(crate) fn read_to_end(mut stream: BufReader<TcpStream>) {
    let mut line = String::new();
    while !line.ends_with("0\r\n") || line.len() > 3 {
        line.clear();
        assert_ne!(stream.read_line(&mut line).unwrap(), 0, "cut off");
    }
}
