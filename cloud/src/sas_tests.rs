//! Vectors made with Python's hmac, hashlib and urllib.

use proptest::prelude::*;

use super::*;

const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const OTHER_KEY: &str = "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=";
const RESOURCE: &str = "sr=localhost%2Fdevices%2Fthermostat-7";

fn seconds(count: i64) -> Timestamp {
    Timestamp::from_second(count).unwrap()
}

fn check(token: &str) -> Result<SasToken, SasError> {
    verify(token, &[KEY], seconds(4_102_444_799))
}

#[test]
fn a_signature_counts_with_plus_and_slash_raw_or_encoded_and_fields_in_any_order() {
    for token in [
        "sr=localhost%2Fdevices%2Fthermostat-7&sig=Z/it46VYdsY2nrHJhQ/t%2BNmogk1H3bDthRerEMRdVPU%3D&se=4102444800",
        "sr=localhost%2Fdevices%2Fthermostat-7&sig=Z%2fit46VYdsY2nrHJhQ%2ft+Nmogk1H3bDthRerEMRdVPU=&se=4102444800",
        "se=4102444800&sig=Z/it46VYdsY2nrHJhQ/t+Nmogk1H3bDthRerEMRdVPU=&sr=localhost%2Fdevices%2Fthermostat-7&x=1",
    ] {
        let verified = check(&format!("SharedAccessSignature {token}")).unwrap();
        assert_eq!(verified.resource, "localhost/devices/thermostat-7");
        assert_eq!(verified.expiry, seconds(4_102_444_800));
        assert_eq!(verified.policy, None);
    }
}

#[test]
fn the_resource_is_signed_exactly_as_sent() {
    let signature = "&sig=Z/it46VYdsY2nrHJhQ/t+Nmogk1H3bDthRerEMRdVPU=&se=4102444800";
    let lower = format!(
        "SharedAccessSignature {}{signature}",
        RESOURCE.replace("%2F", "%2f")
    );
    assert_eq!(check(&lower), Err(SasError::WrongSignature));
}

#[test]
fn a_device_key_derives_from_its_group_key() {
    let derived = derive_key(KEY, "thermostat-1").unwrap();
    assert_eq!(derived, "vFhQrl7qCi+RldkNuE7BldN31/SHcS8mV4WwRhsZTpg=");
}

#[test]
fn a_token_ends_at_its_expiry() {
    let token = sign("localhost", KEY, seconds(1000), None).unwrap();
    assert!(verify(&token, &[KEY], seconds(999)).is_ok());
    let late = verify(&token, &[KEY], seconds(1000));
    assert_eq!(late, Err(SasError::Expired(seconds(1000))));
}

#[test]
fn either_of_two_keys_verifies_and_the_policy_is_known_before() {
    let token = sign("localhost", OTHER_KEY, seconds(1000), Some("service")).unwrap();
    assert_eq!(claimed_policy(&token).as_deref(), Some("service"));
    let verified = verify(&token, &[KEY, OTHER_KEY], seconds(0)).unwrap();
    assert_eq!(verified.policy.as_deref(), Some("service"));
    assert_eq!(
        verify(&token, &[KEY], seconds(0)),
        Err(SasError::WrongSignature)
    );
}

#[test]
fn what_is_missing_or_malformed_is_named() {
    let malformed = |token: &str| match check(token) {
        Err(SasError::Malformed(why)) => why,
        other => panic!("{token} gave {other:?}"),
    };
    assert_eq!(
        malformed("Bearer abc"),
        "it does not start with SharedAccessSignature"
    );
    assert_eq!(
        malformed("SharedAccessSignature sig=AA==&se=1"),
        "sr is missing"
    );
    assert_eq!(
        malformed("SharedAccessSignature sr=a&se=1"),
        "sig is missing"
    );
    assert_eq!(
        malformed("SharedAccessSignature sr=a&sig=AA=="),
        "se is missing"
    );
    assert_eq!(
        malformed("SharedAccessSignature sr=a&sig=!&se=1"),
        "sig is not base64"
    );
}

#[test]
fn a_signed_expiry_that_is_no_number_is_malformed() {
    let mac = SignedText("a", "soon").mac(KEY).unwrap().finalize();
    let signature = BASE64.encode(mac.into_bytes());
    let token = format!("SharedAccessSignature sr=a&sig={signature}&se=soon");
    assert_eq!(
        check(&token),
        Err(SasError::Malformed("se is not a time in seconds"))
    );
}

#[test]
fn a_key_that_is_not_base64_neither_signs_nor_verifies() {
    assert_eq!(
        sign("a", "no base64!", seconds(1), None),
        Err(SasError::Key)
    );
    let token = sign("a", KEY, seconds(1), None).unwrap();
    assert_eq!(
        verify(&token, &["no base64!"], seconds(0)),
        Err(SasError::WrongSignature)
    );
}

proptest! {
    #[test]
    fn what_is_signed_verifies_with_every_resource_and_policy(
        resource in "[ -~é%&=+/]{1,40}", policy in proptest::option::of("[a-zA-Z&=%+ ]{1,20}"), expiry in 1i64..100_000_000_000,
    ) {
        let token = sign(&resource, KEY, seconds(expiry), policy.as_deref()).unwrap();
        let verified = verify(&token, &[OTHER_KEY, KEY], seconds(expiry - 1)).unwrap();
        prop_assert_eq!(verified, SasToken { resource, expiry: seconds(expiry), policy });
    }

    #[test]
    fn any_text_is_answered_without_a_panic(text in ".{0,80}") {
        let _ = verify(&text, &[KEY], seconds(0));
        let _ = verify(&format!("{SCHEME}{text}"), &[KEY], seconds(0));
    }

    #[test]
    fn another_key_never_verifies(bytes in proptest::array::uniform32(any::<u8>())) {
        let key = BASE64.encode(bytes);
        prop_assume!(key != OTHER_KEY);
        let token = sign("localhost", &key, seconds(1), None).unwrap();
        prop_assert_eq!(verify(&token, &[OTHER_KEY], seconds(0)), Err(SasError::WrongSignature));
    }
}
