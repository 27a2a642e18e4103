//! Rebuilds the server when the dashboard's files change, and says so when there are none.

use std::path::Path;

fn main() {
    let site = Path::new("../target/site");
    // Cargo reruns a build script on every build while a watched path is missing, so an empty folder is made.
    let _ = std::fs::create_dir_all(site);
    let mut folders = vec![site.to_path_buf()];
    while let Some(folder) = folders.pop() {
        emit(&format!("rerun-if-changed={}", folder.display()));
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        folders.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()));
    }
    if !site.join("pkg").is_dir() {
        emit(
            "warning=the dashboard's files are not built (`make build` does it); its pages will work without JavaScript and styles",
        );
    }
}

fn emit(instruction: &str) {
    println!("cargo:{instruction}");
}
