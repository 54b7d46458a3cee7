//! From the wish for another version to a candidate: read, compiled, checked and kept, while the device goes on.

use std::path::Path;

use jiff::Timestamp;
use tokio::{select, sync::mpsc, task::spawn_blocking};

use super::{Ask, Entry, Order, Step, Wish, loader::Loader};
use crate::guest::{
    Component,
    compile::{LoadError, Source},
};

/// Makes candidates for one device.
pub struct Preparation {
    /// Loads them.
    pub loader: Loader,
}

impl Preparation {
    /// Prepares what is wished for and hands it to the device, until nobody can wish any more. The newest wish counts: it
    /// ends the preparation for an earlier one.
    pub async fn run(
        self,
        mut wishes: mpsc::Receiver<Wish>,
        orders: mpsc::Sender<Order<Component>>,
    ) {
        let mut next = wishes.recv().await;
        while let Some(wish) = next {
            let ask = match wish {
                Wish::Swap(ask) => ask,
                Wish::RollBack(asker) => {
                    send(&orders, Order::RollBack(asker)).await;
                    next = wishes.recv().await;
                    continue;
                }
            };
            note(&orders, Step::Asked, &ask, None).await;
            let loaded = select! {
                loaded = self.load(&ask.file) => loaded,
                Some(newer) = wishes.recv() => {
                    let reason = match newer {
                        Wish::Swap(_) => "a newer version was asked for while it was prepared",
                        Wish::RollBack(_) => "a roll-back was asked for while it was prepared",
                    };
                    note(&orders, Step::Replaced, &ask, Some(reason.to_owned())).await;
                    next = Some(newer);
                    continue;
                }
            };
            // Not to be dropped half way: the next one would find the shelf in use.
            let kept = match loaded {
                Ok((source, component)) => self.keep(source, &orders).await.map(|()| component),
                Err(error) => Err(error),
            };
            match kept {
                Ok(component) => send(&orders, Order::Swap(component, ask)).await,
                Err(error) => {
                    let reason = by_name(&error.to_string(), &ask.file);
                    note(&orders, Step::Refused, &ask, Some(reason)).await;
                }
            }
            next = wishes.recv().await;
        }
    }

    async fn load(&self, file: &Path) -> Result<(Source, Component), LoadError> {
        let (path, limits) = (file.to_owned(), self.loader.sandbox.limits().clone());
        let reading = spawn_blocking(move || Source::read(&path, &limits));
        let source = joined(file, reading.await)??;
        let component = self.loader.load(&source).await?;
        Ok((source, component))
    }

    /// Keeps the bytes beside the device's state, and forgets those nobody needs any more.
    async fn keep(
        &self,
        source: Source,
        orders: &mpsc::Sender<Order<Component>>,
    ) -> Result<(), LoadError> {
        let Some(shelf) = self.loader.shelf.clone() else {
            return Ok(());
        };
        // None if the device has ended.
        let needed = Order::ask(orders, Order::Needed).await;
        let file = source.path().to_owned();
        let keeping = spawn_blocking(move || {
            shelf.keep(&source)?;
            match needed {
                Some(needed) => shelf.retain(&[needed, vec![source.sha256().to_string()]].concat()),
                None => Ok(()),
            }
        });
        joined(&file, keeping.await)?.map_err(|error| LoadError::Unreadable {
            path: file,
            reason: format!("it cannot be kept beside the device's state: {error}"),
        })
    }
}

/// What is wrong with a file, with its name in the place of its path: whoever reads it on the twin has another disk.
fn by_name(reason: &str, file: &Path) -> String {
    match file.file_name() {
        Some(name) => reason.replacen(&*file.to_string_lossy(), &name.to_string_lossy(), 1),
        None => reason.to_owned(),
    }
}

fn joined<T>(file: &Path, result: Result<T, tokio::task::JoinError>) -> Result<T, LoadError> {
    result.map_err(|error| LoadError::Unreadable {
        path: file.to_owned(),
        reason: error.to_string(),
    })
}

async fn note(
    orders: &mpsc::Sender<Order<Component>>,
    step: Step,
    ask: &Ask,
    reason: Option<String>,
) {
    let mut entry = Entry::new(Timestamp::now(), step, ask.source);
    entry.file = Some(ask.file.clone());
    entry.reason = reason;
    send(orders, Order::Note(Box::new(entry), ask.asker.clone())).await;
}

async fn send(orders: &mpsc::Sender<Order<Component>>, order: Order<Component>) {
    // A device that has ended needs no versions.
    let _ = orders.send(order).await;
}
