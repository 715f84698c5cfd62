//! What can be typed. What it means is in [`settings`](super::settings).

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use testimony::format::FORMATS;
use testimony::model::MODELS;

use super::settings::{ReportTarget, duration, report_target};

/// Checks recorded histories of replicated systems for consistency, and shows why.
#[derive(Parser)]
#[command(
    name = "testimony",
    version,
    max_term_width = 100,
    infer_subcommands = false,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "\
Examples:
  testimony check photos.jsonl                          judge a recording by the default models
  testimony check --model causal runs/                  every recording of a folder, by one model
  testimony explain photos.jsonl --model causal         one contradiction at full length
  testimony check --report json=report.json runs/ && testimony verify report.json runs/

Exit status: 0 satisfied · 1 violated · 2 usage or input error · 3 nothing violated, something unknown"
)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
    #[command(flatten)]
    pub output: OutputArgs,
}

#[derive(ClapArgs)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// When to use colours; NO_COLOR is obeyed too.
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = When::Auto)]
    pub color: When,
    /// No warnings, notes or progress; one line a history in the text report.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Every witness kept, and what each model promises.
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Threads to use; all cores by default. Results do not depend on it.
    #[arg(short = 'j', long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum When {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
pub enum Command {
    /// Judge histories by consistency models.
    Check(CheckArgs),
    /// Show one contradiction at full length, every step on its own line.
    Explain(ExplainArgs),
    /// List the models: what each promises, implies, and where it is from.
    Models(ModelsArgs),
    /// Check a report's witnesses, or certificates, against the histories, without searching.
    Verify(VerifyArgs),
    /// Say what is in a history.
    Info(InfoArgs),
    /// Convert a history to another format.
    Convert(ConvertArgs),
    /// Print the JSON Schema of the JSON report.
    Schema,
    /// Print the completions of a shell.
    Completions(CompletionsArgs),
    /// Print the manual page.
    Man(ManArgs),
}

/// How to read histories.
#[derive(ClapArgs, Default)]
#[command(next_help_heading = "Reading")]
pub struct ReadingArgs {
    /// The format of the histories, where it is not to be found by looking at the content.
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(FORMATS.iter().map(|format| format.name())))]
    pub format: Option<String>,
    /// Jepsen's independent keys: values are [key value] tuples.
    #[arg(long)]
    pub independent: bool,
    /// The data type of every key, where it is not to be found by looking at the operations.
    #[arg(long, value_name = "TYPE", value_parser = ["register", "list", "set", "counter"])]
    pub workload: Option<String>,
    /// The initial value of every key, or of one; JSON scalars, else strings.
    #[arg(long, value_name = "V|K=V", allow_hyphen_values = true)]
    pub initial: Vec<String>,
}

/// How to judge them.
#[derive(ClapArgs)]
#[command(next_help_heading = "Judging")]
pub struct JudgingArgs {
    /// What is known of the order of writes beyond the sessions' own.
    #[arg(long, value_name = "ORDER", value_parser = ["session", "real-time", "version"], default_value = "session")]
    pub write_order: String,
    /// What a read of a value that nothing wrote means.
    #[arg(long, value_name = "MEANING", value_parser = ["violation", "ignore"], default_value = "violation")]
    pub unmatched_reads: String,
    /// For convergence, where no read is marked final: reads invoked so long after the last write of their key are.
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub settle: Option<Duration>,
    /// How long one history may take: 500ms, 10s, 5m.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5m")]
    pub budget: Duration,
    /// At most so many witnesses a model.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), default_value_t = 3)]
    pub max_witnesses: u32,
}

#[derive(ClapArgs)]
#[command(after_help = "\
In folders, files named .jsonl .edn .json .plume .txt .log (with or without .gz, .zst) are taken; *.expected.json never.

Examples:
  testimony check photos.jsonl.gz
  testimony check --model read-your-writes,monotonic-reads runs/
  testimony check --report text --report json=report.json history.edn
  generate-history | testimony check --model all -

Exit status: 0 satisfied · 1 violated · 2 usage or input error · 3 nothing violated, something unknown")]
pub struct CheckArgs {
    /// Histories, folders of histories, or - for standard input.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Which models, comma-separated, or all; `testimony models` lists them.
    #[arg(long, value_name = "MODEL", value_delimiter = ',', value_parser = model_names())]
    pub model: Vec<String>,
    /// Report as text or json; with =FILE into a file. Text goes to standard output unless another report does.
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = report_target)]
    pub report: Vec<ReportTarget>,
    /// Show the minimal violated sets of the session guarantees.
    #[arg(long)]
    pub lattice: bool,
    /// Write the proofs of satisfied models to a file, for `testimony verify --certificate`.
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArgs,
    #[command(flatten)]
    pub judging: JudgingArgs,
}

#[derive(ClapArgs)]
#[command(after_help = "\
Example:
  testimony explain photos.jsonl --model causal

Exit status: as for check")]
pub struct ExplainArgs {
    /// A history, or - for standard input.
    #[arg(value_name = "PATH")]
    pub path: PathBuf,
    /// Which model.
    #[arg(long, value_name = "MODEL", value_parser = one_model_name())]
    pub model: String,
    #[command(flatten)]
    pub reading: ReadingArgs,
    #[command(flatten)]
    pub judging: JudgingArgs,
}

#[derive(ClapArgs)]
pub struct ModelsArgs {
    /// Only these.
    #[arg(value_name = "MODEL", value_parser = one_model_name())]
    pub models: Vec<String>,
}

#[derive(ClapArgs)]
#[command(
    override_usage = "testimony verify REPORT.json PATH...\n       testimony verify --certificate FILE PATH...",
    after_help = "\
Histories are matched by their SHA-256 and read as the report says; every witness is re-checked from its steps alone.

Examples:
  testimony check --report json=report.json runs/ ; testimony verify report.json runs/
  testimony check --certificate proof.json good.jsonl && testimony verify --certificate proof.json good.jsonl

Exit status: 0 all stand · 1 one does not · 2 unreadable, or another history"
)]
pub struct VerifyArgs {
    /// Check the certificates of satisfied models instead of a report.
    #[arg(long, value_name = "FILE")]
    pub certificate: Option<PathBuf>,
    /// The report (unless --certificate is given), then its histories or folders of them.
    #[arg(required = true, value_names = ["REPORT.json", "PATH"])]
    pub paths: Vec<PathBuf>,
}

#[derive(ClapArgs)]
pub struct InfoArgs {
    /// Histories, folders of histories, or - for standard input.
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

#[derive(ClapArgs)]
#[command(after_help = "\
Examples:
  testimony convert history.edn history.jsonl
  testimony convert --to plume history.jsonl.gz - | head")]
pub struct ConvertArgs {
    /// The history to read, or - for standard input.
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The file to write, or - for standard output; .gz and .zst are packed.
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// The format to write; by default what OUT's extension says: .jsonl, .edn, .json, .plume.
    #[arg(long, value_name = "FORMAT", value_parser = PossibleValuesParser::new(FORMATS.iter().map(|format| format.name())))]
    pub to: Option<String>,
    /// Leave out what the format has no place for.
    #[arg(long)]
    pub lossy: bool,
    #[command(flatten)]
    pub reading: ReadingArgs,
}

#[derive(ClapArgs)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

#[derive(ClapArgs)]
pub struct ManArgs {
    /// The page of one subcommand.
    #[arg(value_name = "COMMAND")]
    pub command: Option<String>,
}

/// Names in clap's hands get "did you mean" and completions for nothing.
fn model_names() -> PossibleValuesParser {
    PossibleValuesParser::new(MODELS.iter().map(|model| model.name).chain(["all"]))
}

fn one_model_name() -> PossibleValuesParser {
    PossibleValuesParser::new(MODELS.iter().map(|model| model.name))
}
