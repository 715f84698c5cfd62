//! `testimony convert`: a history from one format to another.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};

use testimony::format::{self, Format};

use super::args::ConvertArgs;
use super::console::Console;
use super::load::load;
use super::paths::is_standard_input;
use super::{Outcome, output, settings};

pub fn run(args: &ConvertArgs, console: &Console) -> Result<Outcome> {
    let target = target(args)?;
    let settings = settings::settings(&args.reading, None)?;
    let options = settings::read_options(&settings)?;
    let loaded = match load(&args.input, &options, &settings, console) {
        Ok(loaded) => loaded,
        Err(problem) => {
            console.tell(&problem.render());
            return Ok(Outcome::Error);
        }
    };
    for warning in loaded.history.warnings() {
        console.warning(format_args!("{}: {warning}", loaded.path));
    }
    // Into memory first: a conversion that fails must not leave half a file, and OUT may be IN.
    let mut bytes = Vec::new();
    target.write(&loaded.history, args.lossy, &mut bytes).map_err(|error| {
        let hint = if matches!(error, format::WriteError::Field { .. }) { " (--lossy leaves it out)" } else { "" };
        anyhow!("{}: {error}{hint}", loaded.path)
    })?;
    drop(loaded);
    let bytes = packed(&args.output, bytes).context("cannot pack")?;
    output::write(Some(&args.output), &bytes, console)?;
    Ok(Outcome::Good)
}

fn target(args: &ConvertArgs) -> Result<&'static dyn Format> {
    if let Some(name) = &args.to {
        return format::find(name).ok_or_else(|| anyhow!("no format `{name}`"));
    }
    if is_standard_input(&args.output) {
        bail!("which format? give --to FORMAT");
    }
    let name = args.output.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(&name);
    let by_extension =
        [(".jsonl", "jsonl"), (".edn", "jepsen-edn"), (".json", "jepsen-json"), (".plume", "plume"), (".parquet", "parquet")];
    let named = by_extension.iter().find(|(extension, _)| plain.ends_with(extension));
    let (_, name) =
        named.ok_or_else(|| anyhow!("{}: the name does not say which format; give --to FORMAT", args.output.display()))?;
    format::find(name).ok_or_else(|| anyhow!("{}: {name}: this build lacks the feature `{name}`", args.output.display()))
}

fn packed(path: &Path, bytes: Vec<u8>) -> std::io::Result<Vec<u8>> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("gz") => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(&bytes)?;
            encoder.finish()
        }
        Some("zst") => zstd::encode_all(bytes.as_slice(), 0),
        _ => Ok(bytes),
    }
}
