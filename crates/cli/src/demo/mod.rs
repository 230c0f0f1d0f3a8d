//! `provodka demo`: the product on emulators, in one process, on a database of its own.
//!
//! Nothing here is a feature: what the demo shows is what `setup` and `serve` do at a real portal, with quiet
//! times and sweeps made short. `--exit` plays a bad day and a week of money by itself and lets the emulators' true
//! history judge.

mod books;
mod judge;
mod money;
mod portal;
mod sellers;
mod story;
mod week;
mod world;

use std::io::Write as _;
use std::time::Duration;

use crate::args::{DemoAccounting, DemoArgs};

use sellers::Sellers;

/// Runs the demo.
///
/// # Errors
/// When something cannot start, or a promise did not hold.
pub(crate) async fn run(args: DemoArgs) -> anyhow::Result<()> {
    if args.exit {
        return play(args.accounting).await;
    }
    let world = world::World::begin(
        portal::for_a_person(),
        Sellers::Two,
        args.accounting,
        args.port,
    )
    .await?;
    let (pages, told) = world.open_pages(args.port).await?;
    say(&world.invitation(&told))?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        error = world.failed() => return Err(error),
    }
    pages.stop().await;
    world.end().await
}

/// The story must end by itself, well or badly.
const LONGEST: Duration = Duration::from_secs(90);

async fn play(accounting: DemoAccounting) -> anyhow::Result<()> {
    let world = world::World::begin(portal::for_the_story(), Sellers::One, accounting, 0).await?;
    say(&world.settings())?;
    let told = tokio::time::timeout(LONGEST, tell(&world)).await;
    let told = told.map_err(|_| anyhow::anyhow!("the story did not end within {LONGEST:?}"));
    let (verdicts, sums) = match told.flatten() {
        Ok(told) => told,
        Err(error) => {
            say(&world.last_words().await?)?;
            return Err(error);
        }
    };
    say(&judge::table(&verdicts))?;
    say(&sums)?;
    let broken = verdicts.iter().filter(|verdict| !verdict.holds).count();
    world.end().await?;
    anyhow::ensure!(broken == 0, "{broken} promises did not hold");
    Ok(())
}

/// The bad day and what is judged of it; then the week of money, and its sums on all sides.
async fn tell(world: &world::World) -> anyhow::Result<(Vec<judge::Verdict>, String)> {
    let cast = story::tell(world).await?;
    let mut verdicts = judge::judge(world, &cast).await?;
    let week = week::live(world, &cast).await?;
    verdicts.extend(week.verdicts);
    Ok((verdicts, week.sums))
}

fn say(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}
