//! Taking typed values out of file and environment, and collecting every problem on the way.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use figment::Figment;
use figment::providers::{Format, Json, Toml, Yaml};
use figment::value::Value;

use super::environment::{self, Variable};
use super::problem::{SettingProblem, SettingsError};

/// Hands out settings one by one. Whatever is wrong is remembered, the default is used in its place, and
/// [`finish`](Self::finish) reports all of it together.
pub(super) struct SettingsReader {
    file: BTreeMap<String, Value>,
    file_name: Option<String>,
    environment: BTreeMap<String, Variable>,
    problems: Vec<SettingProblem>,
}

impl SettingsReader {
    /// Reads file and environment. `known` are the names of all settings; others are problems.
    pub(super) fn new(
        config_file: Option<&Path>,
        variables: impl Iterator<Item = (String, String)>,
        known: &[&str],
    ) -> Self {
        let mut problems = Vec::new();
        let environment = environment::read(variables, known, &mut problems);
        let mut reader = Self { file: BTreeMap::new(), file_name: None, environment, problems };
        if let Some(path) = config_file {
            reader.read_file(path, known);
        }
        reader
    }

    /// A setting that is written as text. `parse` says what is wrong with a bad one.
    pub(super) fn text<T>(&mut self, setting: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let (text, origin) = self.raw(setting)?;
        match parse(text.trim()) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problem(setting, Some(origin), problem);
                None
            }
        }
    }

    /// A setting that is parsed by its type.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, setting: &str, wanted: &str) -> Option<T> {
        self.text(setting, |text| text.parse().map_err(|error| format!("`{text}` is not {wanted}: {error}")))
    }

    /// A whole number within bounds, both included.
    pub(super) fn number(&mut self, setting: &str, default: u64, minimum: u64, maximum: u64) -> u64 {
        self.text(setting, |text| match text.replace('_', "").parse::<u64>() {
            Ok(number) if (minimum..=maximum).contains(&number) => Ok(number),
            Ok(number) => Err(format!("{number} is out of range: {minimum} to {maximum}")),
            Err(_) => Err(format!("`{text}` is not a whole number from {minimum} to {maximum}")),
        })
        .unwrap_or(default)
    }

    /// Seconds, fractions allowed, within bounds in seconds.
    pub(super) fn seconds(&mut self, setting: &str, default: Duration, minimum: f64, maximum: f64) -> Duration {
        self.text(setting, |text| match text.parse::<f64>() {
            Ok(number) if (minimum..=maximum).contains(&number) => Ok(Duration::from_secs_f64(number)),
            Ok(number) => Err(format!("{number} is out of range: {minimum} to {maximum} seconds")),
            Err(_) => Err(format!("`{text}` is not a number of seconds from {minimum} to {maximum}")),
        })
        .unwrap_or(default)
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(&mut self, setting: &str, default: T, choices: &[(&str, T)]) -> T {
        self.text(setting, |text| {
            choices.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
                let words: Vec<String> = choices.iter().map(|(word, _)| format!("`{word}`")).collect();
                format!("`{text}` is not one of {}", words.join(", "))
            })
        })
        .unwrap_or(default)
    }

    /// Whether there is a value, good or bad.
    pub(super) fn is_set(&self, setting: &str) -> bool {
        self.environment.contains_key(setting) || self.file.contains_key(setting)
    }

    /// Remembers a problem.
    pub(super) fn problem(&mut self, setting: &str, origin: Option<String>, problem: String) {
        self.problems.push(SettingProblem { setting: setting.to_owned(), origin, problem });
    }

    /// The value, if there was no problem at all.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, SettingsError> {
        if self.problems.is_empty() {
            return Ok(value);
        }
        self.problems.sort_by(|left, right| left.setting.cmp(&right.setting));
        Err(SettingsError { problems: self.problems })
    }

    fn raw(&mut self, setting: &str) -> Option<(String, String)> {
        if let Some(variable) = self.environment.get(setting) {
            return Some((variable.value.clone(), variable.name.clone()));
        }
        let origin = self.file_name.clone().unwrap_or_default();
        let value = self.file.get(setting)?;
        if let Some(text) = value.as_str() {
            return Some((text.to_owned(), origin));
        }
        let text = match value {
            Value::Num(_, number) => number
                .to_i128()
                .map(|number| number.to_string())
                .or_else(|| number.to_u128().map(|number| number.to_string()))
                .or_else(|| number.to_f64().map(|number| number.to_string())),
            Value::Bool(_, flag) => Some(flag.to_string()),
            _ => None,
        };
        if text.is_none() {
            self.problem(setting, Some(origin.clone()), "is a list or a table, but must be a single value".to_owned());
        }
        text.map(|text| (text, origin))
    }

    fn read_file(&mut self, path: &Path, known: &[&str]) {
        let name = path.display().to_string();
        self.file_name = Some(name.clone());
        if let Err(error) = std::fs::metadata(path) {
            self.problem(&name, None, format!("the configuration file cannot be read: {error}"));
            return;
        }
        let figment = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => Figment::from(Toml::file_exact(path)),
            Some("yaml" | "yml") => Figment::from(Yaml::file_exact(path)),
            Some("json") => Figment::from(Json::file_exact(path)),
            _ => {
                self.problem(&name, None, "the name must end in .toml, .yaml, .yml or .json".to_owned());
                return;
            }
        };
        match figment.extract::<figment::value::Dict>() {
            Ok(values) => flatten("", values, &mut self.file),
            Err(errors) => {
                for error in errors {
                    self.problem(&name, None, error.kind.to_string());
                }
            }
        }
        let unknown: Vec<String> =
            self.file.keys().filter(|setting| !known.contains(&setting.as_str())).cloned().collect();
        for setting in unknown {
            self.problem(&setting, Some(name.clone()), "there is no such setting".to_owned());
        }
    }
}

fn flatten(prefix: &str, values: figment::value::Dict, settings: &mut BTreeMap<String, Value>) {
    for (name, value) in values {
        let path = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            Value::Dict(_, inner) => flatten(&path, inner, settings),
            value => {
                settings.insert(path, value);
            }
        }
    }
}
