use proptest::prelude::*;
use serde_json::{Value, json};

use super::{id as id_of, page, values};
use crate::query::{Position, Query};

fn twin(id: u8) -> Value {
    json!({"deviceId": format!("{id:03}"), "tags": {"third": id % 3, "letter": format!("é{}", id % 7)}})
}

/// All pages, each continued from the token of the one before. `between` changes what there is.
fn pages(
    text: &str,
    twins: &mut Vec<Value>,
    size: usize,
    mut between: impl FnMut(&mut Vec<Value>),
) -> Vec<Vec<Value>> {
    let query = Query::parse(text).unwrap();
    let (mut pages, mut position) = (Vec::new(), Position::default());
    loop {
        let page = page(&query, twins, &position, size);
        pages.push(values(&page.rows));
        let Some(next) = page.next else {
            return pages;
        };
        position = Position::from_token(&next.to_token(text), text).unwrap();
        assert_eq!(position, next);
        between(twins);
    }
}

fn query() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "SELECT * FROM devices",
        "SELECT deviceId, tags.third AS t FROM devices WHERE tags.third != 1",
        "SELECT TOP 7 * FROM devices WHERE tags.third = 0",
        "SELECT tags.letter, COUNT() AS n FROM devices GROUP BY tags.letter",
        "SELECT TOP 2 tags.third, MAX(tags.third) AS m FROM devices GROUP BY tags.third",
        "SELECT COUNT() AS n FROM devices",
    ])
}

/// 32 KiB of one text.
fn large_twin(id: u8) -> Value {
    json!({"deviceId": format!("{id:03}"), "tags": {"text": "x".repeat(32 * 1024)}})
}

#[test]
fn a_page_of_large_rows_is_short_and_the_next_goes_on() {
    let mut twins: Vec<_> = (0..200).map(large_twin).collect();
    for query in [
        "SELECT * FROM devices",
        "SELECT deviceId, tags.text FROM devices",
    ] {
        let pages = pages(query, &mut twins, 1000, |_| ());
        let lengths: Vec<_> = pages.iter().map(Vec::len).collect();
        assert_eq!(lengths, [128, 72], "{query}");
    }
}

#[test]
fn a_row_too_large_to_make_is_refused() {
    let columns = |count: usize| {
        let columns = (0..count)
            .map(|n| format!("tags AS t{n}"))
            .collect::<Vec<_>>();
        let query = format!("SELECT {} FROM devices", columns.join(", "));
        let query = Query::parse(&query).unwrap();
        query.page(
            |_| [large_twin(1).into()].into_iter(),
            &Position::default(),
            1,
        )
    };
    assert_eq!(columns(100).unwrap().rows.len(), 1);
    let refused = columns(200).unwrap_err().to_string();
    assert!(
        refused.contains("a row would exceed 4194304 bytes"),
        "{refused}"
    );
}

proptest! {
    #[test]
    fn the_pages_together_are_the_whole(query in query(), count in 0_u8..60, size in 1_usize..12) {
        let mut twins: Vec<_> = (0..count).map(twin).collect();
        let whole = super::rows_of(query, &twins);
        let pages = pages(query, &mut twins, size, |_| ());
        let (last, full) = pages.split_last().unwrap();
        prop_assert!(full.iter().all(|page| page.len() == size));
        prop_assert!(!last.is_empty() || full.is_empty());
        prop_assert_eq!(pages.concat(), whole);
    }

    #[test]
    fn what_stays_is_given_once_whatever_comes_and_goes(
        changes in prop::collection::vec(any::<u8>(), 1..40),
        size in 1_usize..6,
    ) {
        let stays = |id: &u8| id.is_multiple_of(2);
        let mut twins: Vec<_> = (0..100).filter(stays).map(twin).collect();
        let mut changes = changes.into_iter();
        let pages = pages("SELECT deviceId FROM devices", &mut twins, size, |twins| {
            let Some(id) = changes.next().map(|id| (id % 100) | 1) else {
                return;
            };
            match twins.binary_search_by_key(&format!("{id:03}"), id_of) {
                Ok(there) => drop(twins.remove(there)),
                Err(place) => twins.insert(place, twin(id)),
            }
        });
        let given = pages.concat();
        for id in (0..100).filter(stays) {
            let row = json!({"deviceId": format!("{id:03}")});
            prop_assert_eq!(given.iter().filter(|given| **given == row).count(), 1);
        }
    }

    #[test]
    fn a_token_is_good_for_its_query_alone(token in "[A-Za-z0-9_=-]{0,40}", bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
        for token in [token, URL_SAFE_NO_PAD.encode(bytes)] {
            prop_assert_eq!(Position::from_token(&token, "SELECT * FROM devices"), None);
        }
        let other = Position::default().to_token("SELECT deviceId FROM devices");
        prop_assert_eq!(Position::from_token(&other, "SELECT * FROM devices"), None);
    }
}
