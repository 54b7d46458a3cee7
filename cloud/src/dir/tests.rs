use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use super::*;

fn cloud_dir() -> (TempDir, CloudDir) {
    let parent = TempDir::new().unwrap();
    let dir = CloudDir::new(parent.path().join("a/cloud"));
    (parent, dir)
}

fn running() -> Running {
    Running {
        hub_name: "localhost".into(),
        dps_name: "localhost".into(),
        id_scope: "0ne00000000".into(),
        mqtt: ([127, 0, 0, 1], 8883).into(),
        https: ([127, 0, 0, 1], 8443).into(),
        pid: 4711,
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn keys_and_scope_are_the_same_at_the_next_start() {
    let (_parent, dir) = cloud_dir();
    let start = || {
        let owned = dir.take().unwrap();
        let (policies, dps) = (owned.policies().unwrap(), owned.dps_settings().unwrap());
        let owner = policies.keys("iothubowner").unwrap().primary_key.clone();
        (owner, dps.id_scope, dps.default_group.primary_key)
    };
    assert_eq!(start(), start());
}

#[test]
fn the_dps_settings_of_an_earlier_version_are_kept_under_the_new_name() {
    let (_parent, dir) = cloud_dir();
    let owned = dir.take().unwrap();
    let before = owned.dps_settings().unwrap();
    let [old, new] = [OLD_DPS_FILE, DPS_FILE].map(|file| dir.path().join(file));
    fs::rename(&new, &old).unwrap();
    let after = owned.dps_settings().unwrap();
    assert_eq!(after.id_scope, before.id_scope);
    assert_eq!(after.default_group, before.default_group);
    assert!(new.exists() && !old.exists());
    fs::write(&old, "{").unwrap();
    assert_eq!(owned.dps_settings().unwrap().id_scope, before.id_scope);
}

#[test]
fn nobody_else_reads_the_keys() {
    let (_parent, dir) = cloud_dir();
    let owned = dir.take().unwrap();
    owned.policies().unwrap();
    owned.dps_settings().unwrap();
    assert_eq!(mode(dir.path()), 0o700);
    for file in [POLICIES_FILE, DPS_FILE] {
        assert_eq!(mode(&dir.path().join(file)), 0o600, "{file}");
    }
}

#[test]
fn a_second_cloud_is_refused_and_told_which_one_runs() {
    let (_parent, dir) = cloud_dir();
    let mut owned = dir.take().unwrap();
    owned.announce(&running()).unwrap();
    let message = dir.take().err().unwrap().to_string();
    assert!(
        message.starts_with("another cloud (process 4711) is running in "),
        "{message}"
    );
    drop(owned);
    dir.take().unwrap();
}

#[test]
fn operators_find_the_cloud_while_it_runs() {
    let (_parent, dir) = cloud_dir();
    assert!(matches!(dir.running(), Err(DirError::NotRunning(_))));
    let mut owned = dir.take().unwrap();
    owned.announce(&running()).unwrap();
    assert_eq!(dir.running().unwrap(), running());
    drop(owned);
    assert!(matches!(dir.running(), Err(DirError::NotRunning(_))));
}

#[test]
fn what_a_killed_cloud_left_behind_does_not_count() {
    let (_parent, dir) = cloud_dir();
    drop(dir.take().unwrap());
    dir.write(RUNNING_FILE, &running()).unwrap();
    assert!(matches!(dir.running(), Err(DirError::NotRunning(_))));
}

#[test]
fn a_damaged_file_is_named_with_the_remedy() {
    let (_parent, dir) = cloud_dir();
    let owned = dir.take().unwrap();
    fs::write(dir.path().join(POLICIES_FILE), "{").unwrap();
    let message = owned.policies().err().unwrap().to_string();
    assert!(message.contains("policies.json is damaged"), "{message}");
    assert!(message.contains("delete it"), "{message}");
}

#[test]
fn a_directory_that_others_could_have_filled_is_used_neither_by_a_cloud_nor_by_a_client() {
    let (_parent, dir) = cloud_dir();
    dir.take().unwrap().policies().unwrap();
    for others in [0o777, 0o1777, 0o720, 0o702] {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(others)).unwrap();
        let errors = [dir.take().err(), dir.policies().err(), dir.running().err()];
        for error in errors {
            let message = error.unwrap().to_string();
            assert!(message.contains("writable by other users"), "{message}");
        }
    }
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir.take().unwrap();
    dir.policies().unwrap();
}

#[test]
fn a_cloud_does_not_run_in_a_directory_of_another_user() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can give a directory to another user");
        return;
    }
    let (_parent, dir) = cloud_dir();
    dir.take().unwrap().policies().unwrap();
    std::os::unix::fs::chown(dir.path(), Some(65_534), None).unwrap();
    let message = dir.take().err().unwrap().to_string();
    assert!(
        message.contains("owned by another user (uid 65534)"),
        "{message}"
    );
    dir.policies()
        .expect("root may be a client of anybody's cloud");
}
