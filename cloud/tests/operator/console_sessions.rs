//! Sessions of the console: what they are worth, and what ends them.

use std::{io::BufRead, net::SocketAddr};

use jiff::Timestamp;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::{
    browser::{Browser, DEVICES, open_stream, read_to_end},
    process::Service,
    site::{OWNER, Site},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_sends_to_other_ports_of_this_machine_is_no_session() {
    let site = Site::start().await;
    let browser = Browser::signed_in(&site);
    let own = format!("http://{}", browser.console);
    let other = Browser::signed_in(&site).key.unwrap();
    // Another port gets the cookie, and may then send any header. The key it does not get.
    for key in ["", "0", &other, browser.cookie.as_deref().unwrap()] {
        let headers = [("origin", own.as_str()), ("x-console-key", key)];
        for (method, path) in [
            ("GET", DEVICES),
            ("POST", "/api/faults"),
            ("POST", "/api/console/link"),
            ("DELETE", "/api/console/session"),
        ] {
            let reply = browser.send(method, path, &headers, "{}");
            assert_eq!(reply.status, 401, "{method} {path} {key}");
        }
    }
    assert_eq!(browser.get(DEVICES).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_can_be_ended_by_its_browser_and_all_by_the_owner() {
    let site = Site::start().await;
    let [one, other, third] = [(); 3].map(|()| Browser::signed_in(&site));
    let own = format!("http://{}", one.console);
    let own = [("origin", own.as_str())];
    let end = |browser: &Browser, path| browser.send("DELETE", path, &own, "").status;
    let streams = [&one, &other].map(open_stream);
    assert_eq!(end(&one, "/api/console/session"), 204);
    let [ended, mut open] = streams;
    read_to_end(ended);
    assert_eq!(one.get(DEVICES).status, 401);
    assert_eq!(other.get(DEVICES).status, 200);

    let path = "/api/console/sessions";
    assert_eq!(site.send("service", "DELETE", path, &[], "").status, 401);
    // With a token there is no session to end.
    let mine = site.send(OWNER, "DELETE", "/api/console/session", &[], "");
    assert_eq!(mine.status, 204);
    open.get_mut().set_nonblocking(true).unwrap();
    let unread = open.fill_buf().map(<[u8]>::len);
    assert!(
        unread.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock),
        "it is still open"
    );
    open.get_mut().set_nonblocking(false).unwrap();
    let answer = site.send(OWNER, "DELETE", path, &[], "");
    assert_eq!((answer.status, &answer.json["ended"]), (200, &2.into()));
    read_to_end(open);
    for browser in [other, third] {
        assert_eq!(browser.get(DEVICES).status, 401);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_the_token_that_asked_for_its_link() {
    let site = Site::start().await;
    let key = &site.policies.keys(OWNER).unwrap().secondary_key;
    let expiry = Timestamp::from_second(Timestamp::now().as_second() + 3).unwrap();
    let token = cloud::sas::sign("localhost", key, expiry, Some(OWNER)).unwrap();
    let answer = site.send_as_is(
        "POST",
        "/api/console/link",
        &[("authorization", &token)],
        "",
    );
    let mut browser = Browser::new(&site);
    let link = answer.json["url"].as_str().unwrap();
    assert_eq!(browser.open(link).status, 303);
    assert_eq!(browser.get(DEVICES).status, 200);
    // A link made in this session is worth no more than the session.
    let own = format!("http://{}", browser.console);
    let reply = browser.send("POST", "/api/console/link", &[("origin", &own)], "");
    let mut heir = Browser::new(&site);
    heir.open(reply.json()["url"].as_str().unwrap());
    let streams = [&browser, &heir].map(open_stream);
    for stream in streams {
        read_to_end(stream);
    }
    assert!(Timestamp::now() >= expiry);
    for browser in [browser, heir] {
        assert_eq!(browser.get(DEVICES).status, 401);
    }
}

#[test]
fn a_session_goes_on_when_a_killed_cloud_comes_back_unless_nothing_is_kept() {
    for (options, status) in [(&[][..], 200), (&["--ephemeral"], 401)] {
        let service = Service::start_with(TempDir::new().unwrap(), options);
        let [link, unused] = [(); 2].map(|()| service.shown(&["console"]).trim().to_owned());
        let address: SocketAddr = link.split('/').nth(2).unwrap().parse().unwrap();
        let mut browser = Browser::at(address);
        assert_eq!(browser.open(&link).status, 303);
        assert_eq!(browser.get(DEVICES).status, 200);
        let (_, dir) = service.stop(Signal::KILL);
        let port = address.port().to_string();
        let again = Service::start_with(dir, &[options, &["--console-port", &port]].concat());
        assert_eq!(browser.get(DEVICES).status, status, "{options:?}");
        let unused = Browser::at(address).open(&unused);
        assert_eq!(unused.status, 403, "links end with the cloud");
        drop(again);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_stream_ends_with_the_cloud() {
    let site = Site::start().await;
    let browser = Browser::signed_in(&site);
    let stream = open_stream(&browser);
    site.cloud.stop().await;
    read_to_end(stream);
}
