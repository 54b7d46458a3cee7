use serde_json::json;

use crate::site::{OWNER, Site};

#[tokio::test(flavor = "multi_thread")]
async fn devices_are_counted_by_status_and_connection() {
    let site = Site::start().await;
    let _connected = site.device("t-1").await;
    site.register("t-2");
    let disabled = json!({"deviceId": "t-3", "status": "disabled"});
    site.call(OWNER, "PUT", "/devices/t-3", &disabled);
    assert_eq!(
        site.get(OWNER, "/statistics/devices").json,
        json!({"totalDeviceCount": 3, "enabledDeviceCount": 2, "disabledDeviceCount": 1})
    );
    assert_eq!(
        site.get(OWNER, "/statistics/service").json,
        json!({"connectedDeviceCount": 1})
    );
}
