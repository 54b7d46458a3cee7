//! A component that runs here: what a device takes for its behaviour.

use std::{future::Future, sync::Arc};

use wasmtime::component::Component as Image;

use super::{
    instance::Instance,
    sandbox::{Prepared, Sandbox, UnfitError},
};
use crate::{
    clock::SystemClock,
    device::behaviour::{Behaviour, Description, Failure, Outcome, Start, Surroundings},
};

/// A component that has been loaded, fits this host and has said what it is.
#[derive(Clone)]
pub struct Component {
    prepared: Arc<Prepared>,
    description: Description,
}

impl Component {
    /// Lets a compiled component describe itself, if it fits.
    pub(super) async fn admit(sandbox: &Sandbox, image: &Image) -> Result<Self, UnfitError> {
        let prepared = Arc::new(sandbox.prepare(image)?);
        let surroundings = Surroundings {
            device: "describe".into(),
            clock: Arc::new(SystemClock::new()),
            seed: None,
        };
        let of = prepared.clone();
        let describing = async move { Instance::new(of, surroundings).await?.describe().await };
        let description = prepared
            .run(describing)
            .await
            .map_err(UnfitError::Describe)?;
        Ok(Self {
            prepared,
            description,
        })
    }
}

impl Behaviour for Component {
    type Instance = Instance;

    fn description(&self) -> &Description {
        &self.description
    }

    fn takes_messages(&self) -> bool {
        self.prepared.takes_messages()
    }

    fn start(
        &self,
        surroundings: Surroundings,
        start: Start,
    ) -> impl Future<Output = Result<(Instance, Outcome), Failure>> + Send + 'static {
        let prepared = self.prepared.clone();
        async move {
            let of = prepared.clone();
            let starting = async move {
                let mut instance = Instance::new(of, surroundings).await?;
                let outcome = instance.init(start).await?;
                Ok((instance, outcome))
            };
            prepared.run(starting).await
        }
    }
}
