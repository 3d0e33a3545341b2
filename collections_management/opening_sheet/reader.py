import io
import re
import zipfile
from contextlib import contextmanager
from datetime import date, datetime
from itertools import islice

from lxml.etree import LxmlError
from openpyxl import load_workbook
from openpyxl.cell.cell import ERROR_CODES
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from odoo.exceptions import UserError

from .column import KEY, TO_FILL, normalize
from .row import OpeningRow

MAX_SIZE = 20  # megabytes, as uploaded
MAX_UNPACKED = 400  # megabytes, when unpacked
MAX_ROWS = 50_000
HEAD_ROWS = 20  # the head is looked for in so many rows
YEARS = range(1990, 2101)
FORMULA = re.compile(rb"<f[ />]")
# All that openpyxl was seen to raise on files that are none, or are broken.
BROKEN = (
    AttributeError,
    EOFError,
    IndexError,
    InvalidFileException,
    KeyError,
    LxmlError,
    NotImplementedError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
)


class OpeningReader:
    """Reads the rows of an opening sheet as its columns say, and names cells for people.

    :param env: of the person, whose language texts and cells may be in
    :param columns: list of ``Column``
    :param columns_english: the same columns with English titles
    """

    def __init__(self, env, columns, columns_english):
        self.env = env
        self.columns = {column.code: column for column in columns}
        self.by_title = {
            normalize(column.title): column.code for column in (*columns_english, *columns)
        }
        self.by_name = {column.technical_name: column.code for column in columns}
        self.lang = env["res.lang"]._get_data(code=env.lang or "en_US")
        self.sheet_title = ""
        self.positions = {}
        self.ignored = []

    def locate(self, number, code, problem):
        """Return a sentence that names the cell and says what is wrong with it."""
        if code not in self.positions:
            return self.env._(
                "Sheet “%(sheet)s”, row %(row)s: %(problem)s",
                sheet=self.sheet_title,
                row=number,
                problem=problem,
            )
        return self.env._(
            "Sheet “%(sheet)s”, row %(row)s, column “%(column)s” (%(letter)s): %(problem)s",
            sheet=self.sheet_title,
            row=number,
            column=self.columns[code].title,
            letter=get_column_letter(self.positions[code] + 1),
            problem=problem,
        )

    # ------------------------------------------------------------
    # The file
    # ------------------------------------------------------------

    def read_rows(self, data):
        """Read the rows of a workbook; ``ignored`` then names the columns that it doesn't know.

        :param bytes data: the file
        :return: list of ``OpeningRow``; cells that can't be read are refused on their row
        :raises UserError: when the file as a whole can't be read
        """
        self._check_file(data)
        with self._saying_what_to_do():
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet, head = self._find_sheet(book)
        rows = {row.number: row for row in self._read_rows(sheet, head)}
        self._refuse_uncalculated(data, head, rows)
        return list(rows.values())

    @contextmanager
    def _saying_what_to_do(self):
        """Within it, what a broken workbook raises becomes a sentence for people."""
        try:
            yield
        except BROKEN as error:
            raise UserError(
                self.env._(
                    "The workbook can't be read (%s): open it in a spreadsheet program, save it "
                    "as an Excel workbook (.xlsx), and upload that.",
                    error,
                )
            ) from error

    def _iterate(self, sheet):
        """Yield the number and the values of each row."""
        sheet.reset_dimensions()  # some programs write wrong ones
        with self._saying_what_to_do():
            yield from enumerate(sheet.values, start=1)

    def _check_file(self, data):
        """Refuse what is no workbook, or too large a one.

        :raises UserError: saying what to do
        """
        if len(data) > MAX_SIZE * 1024**2:
            raise UserError(
                self.env._(
                    "The file has %(size)s MB, and at most %(most)s are read: remove other sheets "
                    "and pictures, or split the rows over several files.",
                    size=round(len(data) / 1024**2),
                    most=MAX_SIZE,
                )
            )
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                archive.getinfo("[Content_Types].xml")  # other programs' archives have none
                unpacked = sum(member.file_size for member in archive.infolist())
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise UserError(
                self.env._(
                    "The file is no Excel workbook: save it from your spreadsheet program as .xlsx "
                    "(not .xls, .csv or .ods), and upload that."
                )
            ) from error
        if unpacked > MAX_UNPACKED * 1024**2:
            raise UserError(
                self.env._(
                    "The workbook is too large when unpacked: remove other sheets and pictures, or "
                    "split the rows over several files."
                )
            )

    def _find_sheet(self, book):
        """Find the sheet and the row of its head, and where each column is.

        :return: the sheet, and the number of the last row of its head
        :raises UserError: when there is none, or a column that identifies items is missing
        """
        for sheet in book.worksheets:
            rows = [row for _number, row in islice(self._iterate(sheet), HEAD_ROWS)]
            for number, row in enumerate(rows, start=1):
                titles = rows[number] if number < len(rows) else ()
                if self._take_head(row, self.by_name, str, titles):
                    return self._take_sheet(sheet, number + 1)
            for number, row in enumerate(rows, start=1):
                if self._take_head(row, self.by_title, normalize, row):
                    return self._take_sheet(sheet, number)
        raise UserError(
            self.env._(
                "No sheet of the workbook has the columns of an opening sheet: download the sheet "
                "anew, fill that one in, and leave its head as it is."
            )
        )

    def _take_head(self, row, codes, read, titles):
        """Note where the columns are, if the row is the head.

        :param row: values of the row
        :param dict codes: what stands in the head -> code of the column
        :param read: function that brings a cell's text into the form of these keys
        :param titles: values of the row that people read
        :return: whether it is the head: it names at least two of the columns that identify items
        """
        found = [codes.get(read(cell)) if isinstance(cell, str) else None for cell in row]
        known = [code for code in found if code]
        if sum(self.columns[code].role == KEY for code in known) < 2:
            return False
        for code in known:
            if known.count(code) > 1:
                raise UserError(
                    self.env._(
                        "Column “%s” stands twice in the sheet: delete the one that is not to be "
                        "read.",
                        self.columns[code].title,
                    )
                )
        self.positions = {code: index for index, code in enumerate(found) if code}
        self.ignored = [
            str(title)
            for index, title in enumerate(titles)
            if title and (index >= len(found) or not found[index])
        ]
        return True

    def _take_sheet(self, sheet, head):
        self.sheet_title = sheet.title
        missing = [
            column.title
            for column in self.columns.values()
            if column.role == KEY and column.code not in self.positions
        ]
        if missing:
            raise UserError(
                self.env._(
                    "Sheet “%(sheet)s” has no column %(columns)s: without it the items can't be "
                    "identified. Put it back as it was in the sheet that you downloaded, or fill "
                    "in a new one.",
                    sheet=sheet.title,
                    columns=", ".join(f"“{title}”" for title in missing),
                )
            )
        return sheet, head

    # ------------------------------------------------------------
    # Rows and cells
    # ------------------------------------------------------------

    def _get_read_positions(self):
        """Return (code, position) of the columns that are read, not only shown."""
        return [
            (code, position)
            for code, position in self.positions.items()
            if self.columns[code].role in (KEY, TO_FILL)
        ]

    def _read_rows(self, sheet, head):
        count = 0
        for number, cells in islice(self._iterate(sheet), head, None):
            filled = {
                code: cells[position]
                for code, position in self._get_read_positions()
                if position < len(cells) and not _is_blank(cells[position])
            }
            if not filled:
                continue
            count += 1
            if count > MAX_ROWS:
                raise UserError(
                    self.env._(
                        "Sheet “%(sheet)s” has more than %(most)s rows: split them over several "
                        "files.",
                        sheet=sheet.title,
                        most=MAX_ROWS,
                    )
                )
            yield self._read_row(number, filled)

    def _read_row(self, number, filled):
        row = OpeningRow(self, number)
        for code, cell in filled.items():
            try:
                row.values[code] = self._read_cell(cell, self.columns[code].kind)
            except ValueError as error:
                row.fail(code, str(error))
        return row

    def _read_cell(self, cell, kind):
        """Return what a cell holds.

        :raises ValueError: with a sentence for people
        """
        if isinstance(cell, str) and cell in ERROR_CODES:
            raise ValueError(
                self.env._(
                    "The cell holds the error %s of a formula: write the value itself.", cell
                )
            )
        return getattr(self, f"_read_{kind}")(cell)

    def _read_text(self, cell):
        if isinstance(cell, float) and cell.is_integer():
            cell = int(cell)
        return str(cell).strip()

    def _read_integer(self, cell):
        number = self._read_amount(cell)
        if not float(number).is_integer():
            raise ValueError(self._get_number_text(cell))
        return int(number)

    def _read_amount(self, cell):
        if isinstance(cell, bool) or not isinstance(cell, int | float | str):
            raise ValueError(self._get_number_text(cell))
        if not isinstance(cell, str):
            return cell
        number = parse_number(cell, self.lang.decimal_point, self.lang.thousands_sep or "")
        if number is None:
            raise ValueError(self._get_number_text(cell))
        return number

    def _get_number_text(self, cell):
        return self.env._(
            "“%s” is no number: write it in digits, as it was in the sheet that you downloaded.",
            cell,
        )

    def _read_date(self, cell):
        if isinstance(cell, datetime):
            cell = cell.date()
        elif isinstance(cell, str):
            cell = parse_date(cell.strip(), self.lang.date_format)
        if not isinstance(cell, date) or cell.year not in YEARS:
            raise ValueError(
                self.env._(
                    "It holds no date that can be read: write it as %(example)s or as "
                    "%(example_iso)s, or give the cell a date format.",
                    example=date(2026, 12, 31).strftime(self.lang.date_format),
                    example_iso="2026-12-31",
                )
            )
        return cell

    def _refuse_uncalculated(self, data, head, rows):
        """Refuse formulas that carry no value: the program that wrote them did not calculate.

        Else what a person sees in the cell would silently count for nothing.

        :param dict rows: number -> ``OpeningRow``
        """
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
            if not any(FORMULA.search(archive.read(name)) for name in sheets):
                return
        sheet = load_workbook(io.BytesIO(data), read_only=True)[self.sheet_title]
        for number, cells in islice(self._iterate(sheet), head, None):
            for code, position in self._get_read_positions():
                cell = cells[position] if position < len(cells) else None
                if not isinstance(cell, str) or not cell.startswith("="):
                    continue
                row = rows.setdefault(number, OpeningRow(self, number))
                if code not in row.values and code not in row.invalid:
                    row.fail(
                        code,
                        self.env._(
                            "The cell holds a formula that was never calculated: write the value "
                            "itself."
                        ),
                    )


def _is_blank(cell):
    return cell is None or (isinstance(cell, str) and not cell.strip())


def parse_number(text, decimal_point, thousands_sep):
    """Return the number that a text is, as the language writes it or with a plain point.

    >>> parse_number("1.234,50", ",", "."), parse_number("1234.5", ",", ".")
    (1234.5, 1234.5)
    >>> parse_number("1.234", ",", "."), parse_number("-12", ",", "."), parse_number("x", ",", ".")
    (1234.0, -12.0, None)
    """
    text, thousands_sep = (re.sub(r"\s", " ", part) for part in (text.strip(), thousands_sep))
    point = re.escape(decimal_point)
    forms = [rf"-?\d+({point}\d+)?"]
    if thousands_sep:
        forms.append(rf"-?\d{{1,3}}({re.escape(thousands_sep)}\d{{3}})+({point}\d+)?")
    if re.fullmatch("|".join(forms), text):
        return float(text.replace(thousands_sep, "").replace(decimal_point, "."))
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return float(text)
    return None


def parse_date(text, date_format):
    """Return the date that a text is, in ISO format or the language's; None if it is none.

    >>> parse_date("2026-03-11", "%d/%m/%Y") == parse_date("11/03/2026", "%d/%m/%Y")
    True
    >>> parse_date("soon", "%d/%m/%Y")
    """
    for known in ("%Y-%m-%d", date_format):
        try:
            return datetime.strptime(text, known).date()
        except ValueError:
            continue
    return None
