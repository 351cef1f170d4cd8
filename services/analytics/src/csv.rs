//! CSV that is safe to open (RFC 4180, INJ-10).
//!
//! A spreadsheet runs a cell that begins like a formula, so text that does gets an apostrophe in
//! front. Numbers and dates are ours and stay as they are.

/// One cell.
pub(crate) enum Cell<'a> {
    /// Anything that a person may have chosen.
    Text(&'a str),
    /// A number.
    Number(i64),
}

/// A table in the making.
pub(crate) struct Csv(String);

impl Csv {
    /// A table with these columns.
    pub(crate) fn new(columns: &[&str]) -> Self {
        let mut csv = Self(String::new());
        csv.row(&columns.iter().map(|name| Cell::Text(name)).collect::<Vec<_>>());
        csv
    }

    pub(crate) fn row(&mut self, cells: &[Cell<'_>]) {
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            match cell {
                Cell::Number(number) => self.0.push_str(&number.to_string()),
                Cell::Text(text) => self.text(text),
            }
        }
        self.0.push_str("\r\n");
    }

    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn text(&mut self, text: &str) {
        let formula =
            text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
        let quoted = formula || text.contains([',', '"', '\r', '\n']) || text.trim() != text;
        if !quoted {
            self.0.push_str(text);
            return;
        }
        self.0.push('"');
        if formula {
            self.0.push('\'');
        }
        self.0.push_str(&text.replace('"', "\"\""));
        self.0.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INJ-10.
    #[test]
    fn formulas_are_defused_and_special_characters_quoted() {
        let mut csv = Csv::new(&["tag", "thoughts"]);
        for text in
            ["plain", "=1+1", "+1", "-1", "@x", "\tx", "\rx", "a,b", "say \"hi\"", "a\nb", "x=1"]
        {
            csv.row(&[Cell::Text(text), Cell::Number(-3)]);
        }
        assert_eq!(
            csv.finish(),
            "tag,thoughts\r\nplain,-3\r\n\"'=1+1\",-3\r\n\"'+1\",-3\r\n\"'-1\",-3\r\n\"'@x\",-3\r\n\
             \"'\tx\",-3\r\n\"'\rx\",-3\r\n\"a,b\",-3\r\n\"say \"\"hi\"\"\",-3\r\n\"a\nb\",-3\r\nx=1,-3\r\n"
        );
    }
}
