//! `testimony explain`: one witness of one model, at full length.

use anyhow::{Result, bail};

use testimony::report::{self, Detail, View};

use super::Outcome;
use super::args::ExplainArgs;
use super::console::Console;
use super::judge::{Judge, only, outcome};
use super::{output, settings};

pub fn run(args: &ExplainArgs, console: &Console) -> Result<Outcome> {
    if args.path.is_dir() {
        bail!("{} is a folder; explain takes one history", args.path.display());
    }
    let settings = settings::settings(&args.reading, Some(&args.judging))?;
    let options = settings::typed_check_options(&settings, &args.judging, vec![settings::model(&args.model)]);
    let mut found = Judge { settings, options, digests: false, console }.all(&only(&args.path))?;
    // What it is implied by is another command's to show: here this model's own witness is asked for.
    for verdict in found.report.histories.iter_mut().flat_map(|history| &mut history.verdicts) {
        verdict.implied_by.clear();
    }
    let mut bytes = Vec::new();
    let view = View { color: console.color(), detail: Detail::Full, lattice: false };
    report::find("text").expect("registered").render(&found.report, view, &mut bytes)?;
    output::write(None, &bytes, console)?;
    Ok(outcome(&found.report))
}
