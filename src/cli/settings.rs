//! What was typed, turned into what it means.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value as Json;

use testimony::check::{Options, UnmatchedReads, WriteOrder};
use testimony::format::{self, ReadOptions};
use testimony::history::{DataType, History, KeyId, Tag, ValueId, Values};
use testimony::model::{self, MODELS, Model};
use testimony::report::{self, Initial, Reporter, Settings};

use super::args::{JudgingArgs, ReadingArgs};

/// A report and where it goes; standard output where no file is named.
#[derive(Clone)]
pub struct ReportTarget {
    pub reporter: &'static dyn Reporter,
    pub file: Option<PathBuf>,
}

/// `json`, `json=report.json`.
pub fn report_target(typed: &str) -> Result<ReportTarget, String> {
    let (name, file) = match typed.split_once('=') {
        Some((_, "")) => return Err("a file name must follow the =".into()),
        Some((name, file)) => (name, Some(PathBuf::from(file))),
        None => (typed, None),
    };
    let known = || report::REPORTERS.iter().map(|reporter| reporter.name()).collect::<Vec<_>>().join(", ");
    let reporter = report::find(name).ok_or_else(|| format!("no report format `{name}`; there are: {}", known()))?;
    Ok(ReportTarget { reporter, file })
}

/// `500ms`, `10s`, `5m`, `1h`.
pub fn duration(typed: &str) -> Result<Duration, String> {
    let wrong = || "expected a number and a unit: 500ms, 10s, 5m".to_owned();
    let split = typed.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
    let (number, unit) = typed.split_at(split);
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        "h" => number * 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(seconds).map_err(|_| "too long".to_owned())
}

/// The models asked for, weaker ones first; none typed means those that run by default.
pub fn models(typed: &[String]) -> Vec<&'static Model> {
    let all = typed.iter().any(|name| name == "all");
    MODELS.iter().filter(|model| all || typed.iter().any(|name| name == model.name)).collect()
}

/// How to read and judge, as the report records it.
pub fn settings(reading: &ReadingArgs, judging: Option<&JudgingArgs>) -> Result<Settings> {
    let mut settings = Settings {
        format: reading.format.clone(),
        independent: reading.independent,
        workload: reading.workload.clone(),
        ..Settings::default()
    };
    if let Some(judging) = judging {
        settings.settle_ns = judging.settle.map(|settle| u64::try_from(settle.as_nanos()).unwrap_or(u64::MAX));
        settings.write_order = match judging.write_order.as_str() {
            "real-time" => WriteOrder::RealTime,
            "version" => WriteOrder::Version,
            _ => WriteOrder::Session,
        };
        settings.unmatched_reads = match judging.unmatched_reads.as_str() {
            "ignore" => UnmatchedReads::Ignore,
            _ => UnmatchedReads::Violation,
        };
    }
    let mut pairs = Vec::new();
    for typed in &reading.initial {
        match initial(typed)? {
            (Some(key), value) => {
                pairs.retain(|(known, _)| *known != key);
                pairs.push((key, value));
            }
            (None, value) => settings.initial_all = Some(value),
        }
    }
    settings.initial = Initial::new(pairs);
    Ok(settings)
}

/// How to read, as settings say; of a report, they may name what this version does not have.
pub fn read_options(settings: &Settings) -> Result<ReadOptions> {
    let format = match &settings.format {
        Some(name) => match format::find(name) {
            Some(format) => Some(format),
            None => bail!("no format `{name}`"),
        },
        None => None,
    };
    let workload = match settings.workload.as_deref() {
        Some(name) => {
            let types = [DataType::Register, DataType::List, DataType::Set, DataType::Counter];
            match types.into_iter().find(|data_type| data_type.name() == name) {
                Some(data_type) => Some(data_type),
                None => bail!("no data type `{name}`"),
            }
        }
        None => None,
    };
    Ok(ReadOptions { format, independent: settings.independent, workload })
}

/// How to judge.
pub fn check_options(settings: &Settings) -> Options {
    Options {
        write_order: settings.write_order,
        unmatched_reads: settings.unmatched_reads,
        settle: settings.settle_ns.map(Duration::from_nanos),
        ..Options::default()
    }
}

/// How to judge, with all that was typed.
pub fn typed_check_options(settings: &Settings, judging: &JudgingArgs, models: Vec<&'static Model>) -> Options {
    Options { models, budget: judging.budget, max_witnesses: judging.max_witnesses as usize, ..check_options(settings) }
}

/// The model of a name that clap has let through.
pub fn model(name: &str) -> &'static Model {
    model::find(name).expect("clap knows the models")
}

/// Declares the initial values of the settings. Returns the keys that no operation is on.
pub fn declare_initial(history: &mut History, settings: &Settings) -> Vec<String> {
    if let Some(value) = &settings.initial_all {
        let value = intern(history.values_mut(), value);
        history.set_initial(None, value);
    }
    let mut unknown = Vec::new();
    for (key, value) in settings.initial.pairs() {
        let value = intern(history.values_mut(), &value);
        match find_key(history, &key) {
            Some(key) => history.set_initial(Some(key), value),
            None => unknown.push(key.to_string()),
        }
    }
    unknown
}

/// A key as reports show it: a keyword as ":x", a symbol as "x".
fn find_key(history: &mut History, shown: &Json) -> Option<KeyId> {
    let exact = intern(history.values_mut(), shown);
    let mut candidates = vec![exact];
    if let Some(text) = shown.as_str() {
        candidates.push(history.values_mut().text(Tag::Symbol, text));
        if let Some(keyword) = text.strip_prefix(':') {
            candidates.push(history.values_mut().text(Tag::Keyword, keyword));
        }
    }
    candidates.into_iter().find_map(|name| history.find_key(name))
}

fn intern(values: &mut Values, json: &Json) -> ValueId {
    match json {
        Json::Null => ValueId::NULL,
        Json::Bool(value) => values.bool(*value),
        Json::String(text) => values.string(text),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => values.int(value.into()),
            (_, Some(value)) => values.int(value.into()),
            _ => values.float(number.as_f64().expect("a JSON number")),
        },
        // Never typed, see `scalar`; of a report it can only be text that no history has.
        Json::Array(_) | Json::Object(_) => values.text(Tag::Json, &json.to_string()),
    }
}

/// `V`, `K=V`; a quoted K may hold `=`.
fn initial(typed: &str) -> Result<(Option<Json>, Json)> {
    if let Some(text @ Json::String(_)) = parsed(typed) {
        return Ok((None, text));
    }
    let mut quoted = serde_json::Deserializer::from_str(typed).into_iter::<String>();
    if let Some(Ok(key)) = quoted.next()
        && let Some(value) = typed[quoted.byte_offset()..].strip_prefix('=')
    {
        return Ok((Some(key.into()), scalar(value)?));
    }
    match typed.split_once('=') {
        Some((key, value)) => Ok((Some(scalar(key)?), scalar(value)?)),
        None => Ok((None, scalar(typed)?)),
    }
}

/// A JSON scalar, else the text as a string.
fn scalar(typed: &str) -> Result<Json> {
    let json = parsed(typed).unwrap_or_else(|| typed.into());
    if json.is_f64() && !typed.contains(['.', 'e', 'E']) {
        bail!(
            "--initial {typed}: integers beyond 64 bits cannot be declared on the command line; declare it in the history's header"
        );
    }
    Ok(json)
}

fn parsed(typed: &str) -> Option<Json> {
    serde_json::from_str(typed).ok().filter(|json: &Json| !json.is_array() && !json.is_object())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations_have_units() {
        let ms = |typed| duration(typed).map(|d| d.as_millis());
        assert_eq!(ms("500ms"), Ok(500));
        assert_eq!(ms("10s"), Ok(10_000));
        assert_eq!(ms("1.5m"), Ok(90_000));
        for wrong in ["10", "", "s", "ten s", "10 s", "-1s", "1d", "1.1.1s", "999999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn initial_values_are_scalars_else_strings() {
        for (typed, key, value) in [
            ("0", None, json!(0)),
            ("null", None, json!(null)),
            ("\"a=b\"", None, json!("a=b")),
            ("x=0", Some(json!("x")), json!(0)),
            ("1=x=y", Some(json!(1)), json!("x=y")),
            ("\"a=b\"=1.5", Some(json!("a=b")), json!(1.5)),
            ("x=", Some(json!("x")), json!("")),
            ("x=[1]", Some(json!("x")), json!("[1]")),
            ("\"1\"=1", Some(json!("1")), json!(1)),
        ] {
            assert_eq!(initial(typed).unwrap(), (key, value), "{typed}");
        }
        assert!(initial("x=99999999999999999999999").is_err());
    }

    #[test]
    fn models_come_in_the_order_of_the_registry_and_once() {
        let names = |typed: &[&str]| -> Vec<&str> {
            models(&typed.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).iter().map(|model| model.name).collect()
        };
        assert_eq!(names(&["causal", "pram", "causal"]), ["pram", "causal"]);
        assert_eq!(names(&["pram", "all"]).len(), MODELS.len());
        assert!(names(&[]).is_empty());
    }

    #[test]
    fn reports_are_named_and_may_have_a_file() {
        let target = report_target("json=a=b.json").ok().unwrap();
        assert_eq!((target.reporter.name(), target.file), ("json", Some("a=b.json".into())));
        assert!(report_target("text").ok().unwrap().file.is_none());
        assert!(report_target("json=").is_err() && report_target("xml").is_err());
    }
}
