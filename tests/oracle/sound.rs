//! Short cuts that the oracle takes, held to the long way round on random histories: the least `vis` against every `vis`, beginnings of
//! commit orders against every commit order, and "left out reads do not matter here" against every way to match them.

use rayon::prelude::*;
use testimony::check::WriteOrder;
use testimony::model::{Guarantees, Isolation, MODELS};
use testimony::verdict::Verdict;

use crate::decorate::{GENERATORS, Settings};
use crate::guarantee::{Under, permutations};
use crate::judge::{self, judge};
use crate::toy::{Act, Toy, Txn};
use crate::transaction::Transactions;

#[test]
fn the_least_vis_is_as_good_as_any() {
    let counts = GENERATORS.par_iter().flat_map_iter(|generator| (0..400).map(move |seed| generator.case(seed)));
    let (satisfied, violated) = counts
        .map(|mut case| {
            // Cut to a size at which 2^(reads × writes) relations can be gone through.
            loop {
                let reads = case.toy.ops().filter(|(_, op)| op.reads().is_some()).count();
                let writes = case.toy.ops().filter(|(_, op)| op.writes().is_some()).count();
                if reads * writes <= 9 && writes <= 4 {
                    break;
                }
                let at = if case.seed % 2 == 0 { case.toy.txns.len() - 1 } else { 0 };
                case.toy.txns.remove(at);
            }
            let (reading, recorded) = judge::facts(&case.toy, case.settings);
            let mut satisfied = 0;
            for g in Guarantees::subsets() {
                let under = Under::new(&reading, &recorded, g);
                let exists = under.exists();
                assert_eq!(
                    exists,
                    under.exists_by_brute_force(),
                    "{g:?} {} {}\n{}",
                    case.generator,
                    case.seed,
                    case.toy.json_lines()
                );
                satisfied += u32::from(exists);
            }
            (satisfied, 16 - satisfied)
        })
        .reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    println!("{satisfied} satisfied, {violated} violated");
    assert!(violated * 20 > satisfied, "too few violations to prove anything: {violated} of {}", satisfied + violated);
}

#[test]
fn a_commit_order_laid_out_by_beginnings_is_one_of_all() {
    let counts = GENERATORS.par_iter().flat_map_iter(|generator| (0..400).map(move |seed| generator.case(seed)));
    let (satisfied, violated) = counts
        .map(|mut case| {
            // Cut to a size at which n! orders can be gone through.
            case.toy.txns.truncate(7);
            let (reading, _) = judge::facts(&case.toy, case.settings);
            let transactions = Transactions::new(&case.toy, &reading);
            let orders = permutations(&(0..transactions.count()).collect::<Vec<usize>>());
            let mut satisfied = 0;
            for isolation in [Isolation::ReadCommitted, Isolation::ReadAtomic, Isolation::TransactionalCausal] {
                let holds = transactions.holds(isolation);
                let some = orders.iter().any(|order| transactions.explains(isolation, order));
                assert_eq!(holds, some, "{isolation:?} {} {}\n{}", case.generator, case.seed, case.toy.json_lines());
                satisfied += u32::from(holds);
            }
            (satisfied, 3 - satisfied)
        })
        .reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    println!("{satisfied} satisfied, {violated} violated");
    assert!(violated * 10 > satisfied, "too few violations to prove anything: {violated} of {}", satisfied + violated);
}

#[test]
fn transactions_of_one_operation_are_causal_where_their_operations_are() {
    let cases = GENERATORS.par_iter().flat_map_iter(|generator| (0..400).map(move |seed| generator.case(seed)));
    cases.for_each(|case| {
        let mut toy = case.toy.clone();
        let alone = |txn: Txn| txn.ops.clone().into_iter().map(move |op| Txn { ops: vec![op], ..txn.clone() });
        toy.txns = toy.txns.into_iter().flat_map(alone).collect();
        let answer = judge(&toy, Settings { write_order: WriteOrder::Session, ..case.settings });
        let verdict = |name: &str| answer.verdicts[MODELS.iter().position(|model| model.name == name).expect("a name")];
        assert_eq!(verdict("transactional-causal"), verdict("causal"), "{}", toy.json_lines());
    });
}

#[test]
fn where_ambiguous_reads_are_said_not_to_matter_no_way_to_match_them_does() {
    let tried: usize = GENERATORS
        .par_iter()
        .filter(|generator| ["ambiguous", "initial", "mixed"].contains(&generator.name))
        .flat_map_iter(|generator| (0..3000).map(move |seed| generator.case(seed)))
        .map(|case| {
            let (reading, _) = judge::facts(&case.toy, case.settings);
            if reading.left_out.is_empty() || !reading.anomalies.is_empty() {
                return 0;
            }
            let answer = judge(&case.toy, case.settings);
            let ways = reading.left_out.iter().fold(vec![vec![]], |ways: Vec<Vec<Option<usize>>>, read| {
                let longer = |way: &Vec<_>| read.candidates.iter().map(|&c| [&way[..], &[c]].concat()).collect::<Vec<_>>();
                ways.iter().flat_map(longer).collect()
            });
            for way in &ways {
                let matched = |op: usize| match reading.left_out.iter().position(|read| read.op == op) {
                    Some(i) => Some(way[i]),
                    None => reading.matched[op],
                };
                let told_apart = judge(&tell_apart(&case.toy, matched), case.settings);
                for ((model, said), then) in MODELS.iter().zip(&answer.verdicts).zip(&told_apart.verdicts) {
                    let context = || format!("{} {} {}\n{}", model.name, case.generator, case.seed, case.toy.json_lines());
                    assert!(*said != Verdict::Satisfied || *then == Verdict::Satisfied, "{}", context());
                    assert!(*said != Verdict::Violated || *then == Verdict::Violated, "{}", context());
                }
            }
            ways.len()
        })
        .sum();
    println!("{tried} ways to match ambiguous reads");
    assert!(tried > 2000, "{tried}");
}

/// Gives every write a value of its own, and every matched read the value of the write that it is matched with.
fn tell_apart(toy: &Toy, matched: impl Fn(usize) -> Option<Option<usize>>) -> Toy {
    let fresh = |op: usize| Some(1000 + op as i64);
    let mut apart = toy.clone();
    let ops = apart.txns.iter_mut().flat_map(|txn| {
        let own: Vec<(u8, bool)> = txn.ops.iter().map(|op| (op.key, op.writes().is_some())).collect();
        txn.ops.iter_mut().enumerate().map(move |(place, op)| {
            let last_own = (0..place).rev().find(|&p| own[p] == (op.key, true));
            (place, last_own, op)
        })
    });
    for (index, (place, last_own, op)) in ops.enumerate() {
        let read = |value| match (matched(index), last_own) {
            (Some(Some(writer)), _) => fresh(writer),
            (None, Some(own)) => {
                // An internal read stays right or wrong as it was.
                let right = toy.ops().nth(index - place + own).and_then(|(_, op)| op.writes()) == Some(value);
                if right { fresh(index - place + own) } else { Some(-1) }
            }
            _ => value,
        };
        op.act = match op.act {
            Act::Read(value) => Act::Read(read(value)),
            Act::Write(_) => Act::Write(fresh(index)),
            Act::Cas(from, _) => Act::Cas(read(from), fresh(index)),
            _ => unreachable!("these histories are of registers"),
        };
    }
    apart
}
