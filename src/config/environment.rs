//! Environment variables as settings: `SLUICE_` and the setting's path with `__` between levels.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::problem::SettingProblem;

/// One value from the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    /// Name of the variable.
    pub(super) name: String,
    /// Its value, or what is in the file that it names.
    pub(super) value: String,
}

/// Variables that are not settings of the gateway but are read by commands.
const NOT_SETTINGS: [&str; 3] = ["SLUICE_CONFIG", "SLUICE_SERVER_API_KEY", "SLUICE_ADMIN_TOKEN"];

/// Largest secret file, in bytes.
const MAX_SECRET_FILE_BYTES: u64 = 64 * 1024;

/// The settings among environment variables, by the setting's name. `DATABASE_URL` counts as `SLUICE_DATABASE__URL`
/// unless that is there too. A variable that ends in `_FILE` names a file that holds the value.
pub(super) fn read(
    variables: impl Iterator<Item = (String, String)>,
    known: &[&str],
    problems: &mut Vec<SettingProblem>,
) -> BTreeMap<String, Variable> {
    let mut settings = BTreeMap::new();
    let mut database_url = None;
    for (name, value) in variables {
        if name == "DATABASE_URL" {
            database_url = Some(Variable { name, value });
            continue;
        }
        let Some(path) = name.strip_prefix("SLUICE_") else { continue };
        if NOT_SETTINGS.contains(&name.as_str()) {
            continue;
        }
        let setting = path.to_ascii_lowercase().replace("__", ".");
        // These two are documented without a level between, because people type them by hand.
        let setting = match setting.as_str() {
            "admin_username" => "admin.username".to_owned(),
            "admin_password" => "admin.password".to_owned(),
            "admin_password_file" => "admin.password_file".to_owned(),
            _ => setting,
        };
        if known.contains(&setting.as_str()) {
            settings.insert(setting, Variable { name, value });
        } else if let Some(setting) = setting.strip_suffix("_file").filter(|setting| known.contains(setting)) {
            match secret_from(&PathBuf::from(&value)) {
                Ok(value) => {
                    settings.insert(setting.to_owned(), Variable { name, value });
                }
                Err(problem) => {
                    problems.push(SettingProblem { setting: setting.to_owned(), origin: Some(name), problem });
                }
            }
        } else {
            problems.push(SettingProblem {
                setting,
                origin: Some(name),
                problem: "there is no such setting".to_owned(),
            });
        }
    }
    if let Some(variable) = database_url {
        settings.entry("database.url".to_owned()).or_insert(variable);
    }
    settings
}

fn secret_from(path: &Path) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("the file {} cannot be read: {error}", path.display());
    if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_SECRET_FILE_BYTES {
        return Err(format!("the file {} is larger than {MAX_SECRET_FILE_BYTES} bytes", path.display()));
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
