//! Inserting many rows in few statements.

use std::fmt::Write as _;

use crate::{Result, Row, Sql, Tx, Value};

/// Rows in one statement, at most. Statements come in powers of two up to it, so that only a handful
/// of texts ever get prepared.
const AT_ONCE: usize = 64;

/// An insert of rows of `N` columns, such as
/// `Insert { into: "counts (owner, tag, number)", then: "ON CONFLICT …" }`.
///
/// PostgreSQL refuses a statement that would update one row twice: with `DO UPDATE`, rows must differ
/// in their key.
#[derive(Clone, Copy, Debug)]
pub struct Insert<const N: usize> {
    /// The table and its `N` columns.
    pub into: &'static str,
    /// What follows the rows: `ON CONFLICT …`, `RETURNING …`, or nothing.
    pub then: &'static str,
}

impl<const N: usize> Insert<N> {
    /// Inserts the rows, in their order, and returns how many rows changed.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn execute(&self, tx: &mut Tx, rows: &[[Value; N]]) -> Result<u64> {
        let mut changed = 0;
        for some in powers_of_two(rows) {
            changed += tx.execute(self.text(some.len()), some.as_flattened()).await?;
        }
        Ok(changed)
    }

    /// Inserts the rows, in their order, and returns what `RETURNING` says.
    ///
    /// # Errors
    /// As [`Tx::execute`].
    pub async fn returning(&self, tx: &mut Tx, rows: &[[Value; N]]) -> Result<Vec<Row>> {
        let mut returned = Vec::with_capacity(rows.len());
        for some in powers_of_two(rows) {
            returned.extend(tx.all(self.text(some.len()), some.as_flattened()).await?);
        }
        Ok(returned)
    }

    fn text(&self, rows: usize) -> Sql {
        let mut text = format!("INSERT INTO {} VALUES ", self.into);
        for mark in 0..rows * N {
            let before = match (mark % N, mark) {
                (0, 0) => "(",
                (0, _) => "), (",
                _ => ", ",
            };
            // Writing to a string cannot fail.
            let _ = write!(text, "{before}${}", mark + 1);
        }
        text.push_str(") ");
        text.push_str(self.then);
        text.into()
    }
}

/// Cuts a slice into parts whose lengths are powers of two, the largest first.
fn powers_of_two<T>(mut rest: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let most = rest.len().min(AT_ONCE);
        let length = 1 << most.checked_ilog2()?;
        let (some, others) = rest.split_at(length);
        rest = others;
        Some(some)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_numbered_through() {
        let insert = Insert::<2> { into: "t (a, b)", then: "ON CONFLICT (a) DO NOTHING" };
        let expected = "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT (a) DO NOTHING";
        assert_eq!(insert.text(2), expected);
    }

    #[test]
    fn every_row_is_in_one_part() {
        let rows: Vec<usize> = (0..171).collect();
        let parts: Vec<&[usize]> = powers_of_two(&rows).collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [64, 64, 32, 8, 2, 1]);
        assert_eq!(parts.concat(), rows);
        assert_eq!(powers_of_two::<usize>(&[]).count(), 0);
    }
}
