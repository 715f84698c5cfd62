//! What goes to standard error (errors, warnings, notes, progress) and how standard output is coloured.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::args::{OutputArgs, When};

/// How loud to be, and in which colours.
pub struct Console {
    quiet: bool,
    verbose: bool,
    choice: ColorChoice,
    /// The bar that is being drawn, if any: whatever is printed must not tear it.
    progress: ProgressBar,
}

impl Console {
    pub fn new(args: &OutputArgs) -> Self {
        let choice = match args.color {
            When::Auto => ColorChoice::Auto,
            When::Always => ColorChoice::Always,
            When::Never => ColorChoice::Never,
        };
        let progress = ProgressBar::new(0);
        let shown = io::stderr().is_terminal() && !args.quiet;
        progress.set_draw_target(if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() });
        Console { quiet: args.quiet, verbose: args.verbose, choice, progress }
    }

    pub fn quiet(&self) -> bool {
        self.quiet
    }

    pub fn verbose(&self) -> bool {
        self.verbose
    }

    /// Does standard output take colours?
    pub fn color(&self) -> bool {
        match self.choice {
            ColorChoice::Auto => AutoStream::choice(&io::stdout()) != ColorChoice::Never,
            choice => choice != ColorChoice::Never,
        }
    }

    /// Writes to standard output. A reader that went away is no error.
    pub fn print(&self, bytes: &[u8]) -> io::Result<()> {
        let choice = if self.color() { ColorChoice::Always } else { ColorChoice::Never };
        let mut stdout = AutoStream::new(io::stdout().lock(), choice);
        match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result,
        }
    }

    pub fn error(&self, message: &str) {
        self.say("error", AnsiColor::Red, message);
    }

    pub fn warning(&self, message: impl Display) {
        if !self.quiet {
            self.say("warning", AnsiColor::Yellow, &message.to_string());
        }
    }

    pub fn note(&self, message: impl Display) {
        if !self.quiet {
            self.say("note", AnsiColor::Cyan, &message.to_string());
        }
    }

    /// Prints ready-made lines to standard error.
    pub fn tell(&self, text: &str) {
        self.progress.suspend(|| {
            // Nowhere to complain when standard error itself is gone.
            let _ = AutoStream::new(io::stderr().lock(), self.choice).write_all(text.as_bytes());
        });
    }

    fn say(&self, label: &str, color: AnsiColor, message: &str) {
        let style = Style::new().fg_color(Some(color.into())).bold();
        self.tell(&format!("{style}{label}{style:#}: {message}\n"));
    }

    /// Shows that `number` histories lie ahead.
    pub fn start(&self, number: usize) {
        self.progress.set_length(number as u64);
        let template = if number > 1 { "{spinner} [{bar:24}] {pos}/{len} {wide_msg}" } else { "{spinner} {elapsed} {wide_msg}" };
        self.progress.set_style(ProgressStyle::with_template(template).expect("a valid template").progress_chars("=> "));
        if !self.progress.is_hidden() {
            self.progress.enable_steady_tick(std::time::Duration::from_millis(120));
        }
    }

    /// Shows what is being done now.
    pub fn doing(&self, what: &str, path: &str) {
        self.progress.set_message(format!("{what} {path}"));
    }

    /// One history is done.
    pub fn step(&self) {
        self.progress.inc(1);
    }

    /// Nothing more to show.
    pub fn finish(&self) {
        self.progress.finish_and_clear();
    }
}
