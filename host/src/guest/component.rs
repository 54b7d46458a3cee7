//! A loaded component: the behaviour of a device.

use std::{future::Future, sync::Arc};

use super::{
    description,
    instance::ComponentInstance,
    log_budget::LogName,
    sandbox::{IncompatibleError, PreparedComponent},
};
use crate::{
    clock::SystemClock,
    contract::behaviour::{Behaviour, CallFailure, Description, InstanceContext, Outcome, Start},
};

/// A component that has been loaded, fits this host and has said what it is.
#[derive(Clone)]
pub struct Component {
    prepared: Arc<PreparedComponent>,
    description: Description,
    sha256: Arc<str>,
}

impl Component {
    /// Lets a component that fits describe itself; `sha256` is that of its file.
    pub async fn admit(
        prepared: PreparedComponent,
        sha256: Arc<str>,
    ) -> Result<Self, IncompatibleError> {
        let prepared = Arc::new(prepared);
        let context = InstanceContext {
            device: "describe".into(),
            clock: Arc::new(SystemClock::new()),
            seed: None,
            outbox_quota: None,
        };
        let name = LogName {
            component: format!("sha256:{}", sha256.get(..8).unwrap_or(&sha256)).into(),
            version: None,
        };
        let of = prepared.clone();
        let describing = async move {
            let mut instance = ComponentInstance::new(of, context, name).await?;
            instance.describe().await
        };
        let description = prepared
            .run(None, describing)
            .await
            .map_err(IncompatibleError::Describe)?;
        description::check(&description).map_err(IncompatibleError::Describe)?;
        Ok(Self {
            prepared,
            description,
            sha256,
        })
    }
}

impl Behaviour for Component {
    type Instance = ComponentInstance;

    fn description(&self) -> &Description {
        &self.description
    }

    fn sha256(&self) -> &str {
        &self.sha256
    }

    fn takes_messages(&self) -> bool {
        self.prepared.takes_messages()
    }

    fn start(
        &self,
        context: InstanceContext,
        start: Start,
    ) -> impl Future<Output = Result<(ComponentInstance, Outcome), CallFailure>> + Send + 'static
    {
        let prepared = self.prepared.clone();
        let name = LogName {
            component: (*self.description.name).into(),
            version: Some((*self.description.version).into()),
        };
        async move {
            let of = prepared.clone();
            let starting = async move {
                let mut instance = ComponentInstance::new(of, context, name).await?;
                let outcome = instance.init(start).await?;
                Ok((instance, outcome))
            };
            prepared.run(None, starting).await
        }
    }
}
