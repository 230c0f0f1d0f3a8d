//! From the command line to the command: reads arguments and configuration, runs, tells how it ended.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;

use crate::args::{Cli, Command, PaymentsCommand};
use crate::config::{Config, DEFAULT_FILE, Environment};
use crate::fault::Told;
use crate::payments::reconcile;
use crate::product::{Product, Surroundings};
use crate::{
    adopt, cases, check, clock, demo, emulate, explain, fault, hint, inspect, journal, layout,
    logs, pages, pause, payments, plan, policy, register, robot, serve, setup, simulate, statement,
    zone,
};

/// Does what the command line says.
pub fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fault::exit(&error),
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    #[cfg(feature = "plant")]
    if let Some(bug) = cli.planted {
        planted::plant_everywhere(bug);
    }
    let mut out = io::stdout().lock();
    match cli.command {
        Command::Inspect(args) => inspect::answer(&args, out),
        Command::Explain(args) => explain::run(args.code.as_deref(), &mut out),
        Command::Layout(command) => layout::run(&command, &mut out),
        Command::Demo(args) => {
            logs::begin_quietly();
            drop(out);
            runtime()?.block_on(demo::run(args))
        }
        Command::Emulate(command) => {
            logs::begin_quietly();
            drop(out);
            runtime()?.block_on(emulate::run(command))
        }
        Command::Simulate(args) => simulate::run(&args, &mut out),
        command => {
            let config = configured(&cli.config)?;
            match command {
                Command::Serve => logs::begin(&config.log),
                _ => logs::begin_quietly(),
            }
            drop(out);
            runtime()?.block_on(work(command, config))
        }
    }
}

/// The commands that need the product.
async fn work(command: Command, config: Config) -> anyhow::Result<()> {
    let mut surroundings = Surroundings::of_machine();
    if matches!(command, Command::Serve) {
        surroundings.clock = clock::believable(|| Surroundings::of_machine().clock).await;
    }
    let opened = Product::open(config, surroundings).await;
    if let Command::Check(args) = &command {
        let report = check::run(opened).await;
        return print(|out| check::print(&report, args.json, out));
    }
    let product = opened?;
    match command {
        Command::Serve => serve::run(product).await,
        Command::Setup(args) => {
            let report = setup::run(&product, &setup::Wishes::from(args)).await?;
            print(|out| setup::print(&report, out))
        }
        Command::Plan(args) => {
            let plans = plan::run(&product, &args).await?;
            print(|out| plan::print(&plans, args.json, out))
        }
        Command::Adopt(args) => {
            let report = adopt::run(&product, &args).await?;
            print(|out| report.print(args.json, out))?;
            report.judged()
        }
        Command::Policy(command) => {
            let text = policy::run(&product, command).await?;
            print(|out| Ok(out.write_all(text.as_bytes())?))
        }
        Command::Pause(args) => pause::run(&product, Some(args.reason.as_deref())).await,
        Command::Resume => pause::run(&product, None).await,
        Command::Journal(args) => {
            let told = journal::run(&product, &args).await?;
            print(|out| journal::print(&told, args.json, out))
        }
        Command::Cases(args) => {
            let open = cases::run(&product, &args).await?;
            let zone = zone::in_force(&product).await;
            print(|out| cases::print(&open, &zone, args.json, out))
        }
        Command::Register(command) => {
            let told = register::run(&product, &command).await?;
            print(|out| Ok(out.write_all(told.as_bytes())?))
        }
        Command::Statement(command) => {
            let report = statement::run(&product, &command).await?;
            print(|out| Ok(out.write_all(report.text.as_bytes())?))?;
            report.judged()
        }
        Command::Payments(PaymentsCommand::Reconcile(args)) => {
            let report = reconcile::run(&product, &args).await?;
            print(|out| Ok(out.write_all(report.text.as_bytes())?))?;
            report.judged()
        }
        Command::Payments(command) => {
            let told = payments::run(&product, &command).await?;
            print(|out| Ok(out.write_all(told.as_bytes())?))
        }
        Command::Admin(command) => {
            let told = pages::run(&product, &command).await?;
            print(|out| Ok(out.write_all(told.as_bytes())?))
        }
        Command::Robot(command) => {
            let told = robot::run(&product, &command).await?;
            print(|out| Ok(out.write_all(told.as_bytes())?))
        }
        Command::Hint(command) => {
            let told = hint::run(&product, &command).await?;
            print(|out| Ok(out.write_all(told.as_bytes())?))
        }
        // Done before, or without the product.
        Command::Demo(_)
        | Command::Check(_)
        | Command::Inspect(_)
        | Command::Explain(_)
        | Command::Layout(_)
        | Command::Emulate(_)
        | Command::Simulate(_) => Ok(()),
    }
}

fn print(
    what: impl FnOnce(&mut io::StdoutLock<'static>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let done = what(&mut out);
    out.flush()?;
    done
}

fn configured(path: &Path) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(path).with_context(|| {
        Told::mistake(format!("cannot read the configuration `{}`", path.display())).hint(format!(
            "copy `config/default.toml` to `{DEFAULT_FILE}` and fill it in, or name another file by --config"
        ))
    })?;
    Ok(Config::parse(&text, &environment())?)
}

/// The one place that reads the environment.
fn environment() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with("PROVODKA_"))
        .collect()
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}
