//! What the words of a payment purpose mean: one table, as people in accounting write them.
//!
//! Words come folded: lower case, `ё` as `е`, Latin letters as the Cyrillic ones they stand for (`tokens.rs`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::ReferenceKind;

/// What a word says to the reader. Words of no use to it are [`Meaning::Other`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    Other,
    /// A document that may be referred to.
    Document(ReferenceKind),
    /// `фактура`: with `счёт` before it a счёт-фактура, which asks for no money.
    Faktura,
    /// `оферта`, `спецификация` and the like: behind `счёт-` they leave it an invoice.
    PartOfContract,
    /// A document of no kind that a reference can have: a claim, a receipt, a ruling.
    OtherDocument,
    /// `лицевой`, `расчётный`: the account of somebody, not an invoice.
    AccountKind,
    /// `р/с`, `ИНН`, `БИК`: a number follows that is no document's.
    Requisite,
    NumberSign,
    /// `б/н`: the document has no number.
    NoNumber,
    Of,
    And,
    Month(i8),
    Year,
    Vat,
    WithoutVat,
    Without,
    /// `НДС нет`.
    No,
    Exempt,
    For,
    OnBehalf,
    Role,
    LegalForm,
    Refund,
    OwnFunds,
    Register,
    Loan,
    /// `комиссия`: between a document and its number as well.
    Commission,
    /// Between a document and its number: `договор поставки № 7`, `счёт на оплату № 5`.
    Qualifier,
    Sum,
    Rouble,
    Kopeck,
    Percent,
    /// `шт`, `кг`: the number before it counts things.
    Unit,
    /// `по`, `согласно`: a name ends before it.
    Preposition,
}

use Meaning::{
    AccountKind, And, Commission, Document, Exempt, Faktura, For, Kopeck, LegalForm, Loan, Month,
    No, NoNumber, NumberSign, Of, OnBehalf, OtherDocument, OwnFunds, PartOfContract, Percent,
    Preposition, Qualifier, Refund, Register, Requisite, Role, Rouble, Sum, Unit, Vat, Without,
    WithoutVat, Year,
};
use ReferenceKind::{Act, Contract, Invoice, InvoiceVat, Letter, Order, Payment, Upd, Waybill};

/// Words by their meaning; `*` ends a stem. The longest entry that fits decides.
const WORDS: &[(Meaning, &str)] = &[
    (
        Document(Invoice),
        "счет счета счету счетом счете счетам счетов счетами счт сч счтам щет щета щету шет шету инвойс*",
    ),
    (
        Document(InvoiceVat),
        "сф счф счфактур* счетфактур* счетуфактур* счетафактур* сфактур*",
    ),
    (Faktura, "фактур* факт фак"),
    (
        Document(Contract),
        "договор* догов* догвор* даговор* дог догу контракт* контр конт соглашени* госконтракт* гк дгв",
    ),
    (
        PartOfContract,
        "спецификаци* спец оферт* оферы приложени* прил допсоглашени* доп дополнительн* дс",
    ),
    (Document(Act), "акт акта акту акты актам актов актом акте"),
    (Document(Upd), "упд упду универсальн*"),
    (Document(Waybill), "накладн* накл наклад тн ттн торг"),
    (
        Document(Order),
        "заказ заказа заказу заказы заказам заказов зак заказнаряд* заявк*",
    ),
    (Document(Letter), "письм* писм* исх"),
    (Document(Payment), "пп платежк* платежн* плат"),
    (
        OtherDocument,
        "претензи* решени* постановлени* исполнительн* приказ* судебн* чек чека чеку чеки ордер* смет* протокол* квитанци* ведомост* вексел* уведомлени* распоряжени* заявлени*",
    ),
    (
        AccountKind,
        "лицев* расчетн* карточн* текущ* банковск* корреспондентск* депозитн* транзитн* рас расч лиц номинальн*",
    ),
    (
        Requisite,
        "инн кпп бик огрн огрнип уин кбк октмо снилс рс лс тел телефон* паспорт*",
    ),
    (NumberSign, "номер номера номером ном nо"),
    (NoNumber, "бн"),
    (Of, "от отт"),
    (And, "и"),
    (Year, "г год года году гг годов"),
    (Vat, "ндс"),
    (WithoutVat, "безндс"),
    (Without, "без"),
    (No, "нет"),
    (Exempt, "облаг* обл предусм* освобо* подлеж* начисл* взим*"),
    (For, "за"),
    (OnBehalf, "поручению просьбе интересах"),
    (
        Role,
        "покупател* контрагент* клиент* компани* организаци* заказчик* фирм* общество дочерн* трет* гр гражданин* гражданк* плательщик* должник* партнер* студент* сотрудник*",
    ),
    (
        LegalForm,
        "ооо оао зао пао ао нао ип нко ано фгуп гуп муп гбу мбу мку фгбу гку мбоу гбуз тсж снт кфх чоу общества обществом",
    ),
    (
        Refund,
        "возврат* вернуть возвращ* ошибочн* излишн* сторно* переплат* рефунд* аннулир* отмен*",
    ),
    (OwnFunds, "собственны* самоинкасс* пополнени* внутрибанк*"),
    (
        Register,
        "эквайринг* эквайер* реестр* сбп мерчант* интернетэквайринг* агрегатор* возмещени* куайринг* аквайринг*",
    ),
    (
        Loan,
        "займ* заем заема заемн* кредит кредита кредиту кредитн* процентн* дивиденд* наличн* ссуд* пени пеня пеней неустойк* штраф* госпошлин*",
    ),
    (
        Qualifier,
        "на оплату оплаты опл предоплату предопл поставк* оказани* услуг* услуги подряд* аренд* субаренд* выполнен* работ* работы об о приемк* приему приема сдач* купл* продаж* перевоз* транспортн* экспедиц* хранени* агентск* возмездн* сверк* лизинг* цесси* техническ* обслуживани* товар* тов продукци* передач* нежил* помещени* государственн* гос муниципальн* муниц рамочн* передаточн* документ* пор поручени* лицензионн* сублицензионн* публичн* купле связи разов*",
    ),
    (Commission, "комисси*"),
    (Sum, "сумм*"),
    (Rouble, "руб рубл* р rub рос"),
    (Kopeck, "коп копе*"),
    (Percent, "процент* проц"),
    (
        Unit,
        "шт штук* кг мес месяц* м л ч час часа часов дн дней дня сут сутки чел человек* ед км гб квт литр* тонн* экз компл упак лет кв",
    ),
    (
        Preposition,
        "по согласно в с для из при до оплат* сог согл соглас* через",
    ),
    (Month(1), "январ* янв"),
    (Month(2), "феврал* фев февр"),
    (Month(3), "март марта марте мар"),
    (Month(4), "апрел* апр"),
    (Month(5), "май мая мае"),
    (Month(6), "июн*"),
    (Month(7), "июл*"),
    (Month(8), "август* авг"),
    (Month(9), "сентябр* сен сент"),
    (Month(10), "октябр* окт"),
    (Month(11), "ноябр* ноя нояб"),
    (Month(12), "декабр* дек"),
];

/// Two words that are one: with a slash, dot or hyphen between and no blank; an invoice that is also something else has
/// no dot between, since `сч.дог.7` may as well be two abbreviations. `*` ends a stem.
const ABBREVIATIONS: &[(Meaning, &str)] = &[
    (
        Document(InvoiceVat),
        "с/ф сч/ф счет/ф счету/ф сч/факт* счет*/фактур* с/фактур* сч/фактур*",
    ),
    (
        Document(Invoice),
        "с/ч сч/ту сч/та сч/т сч/дог* счет*/договор* счет*/дог договор*/счет* дог/счет* счет*/оферт* счет*/контракт* счет*/заказ* счет*/спецификаци* сч/оферт* сч/заказ* счет*/протокол*",
    ),
    (
        Document(Payment),
        "п/п пл/п пл/пор плат/пор* п/поручени* плат/поручени*",
    ),
    (Document(Waybill), "т/н тов/накл* т/накл* товарн*/накладн*"),
    (Document(Order), "з/н заказ*/наряд* зак/нар* з/наряд*"),
    (
        Document(Contract),
        "д/р д/ра д/ру дог/р дог/ра дог/ру гос/контракт* к/т к/ту договор*/заявк* договор*/оферт*",
    ),
    (PartOfContract, "д/с доп/соглашени* доп/согл*"),
    (Requisite, "р/с л/с к/с р/сч р/счет* л/сч л/счет* к/сч а/м"),
    (NoNumber, "б/н б/номера"),
    (WithoutVat, "б/ндс без/ндс"),
];

/// Both tables, made ready to be asked.
struct Vocabulary {
    words: Letters,
    /// Abbreviations by the first letter of their first word.
    abbreviations: BTreeMap<char, Vec<(&'static str, &'static str, Meaning)>>,
}

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let mut words = Letters::default();
    for (word, meaning) in entries(WORDS) {
        words.add(word, meaning);
    }
    let mut abbreviations: BTreeMap<char, Vec<_>> = BTreeMap::new();
    for (pair, meaning) in entries(ABBREVIATIONS) {
        let (first, second) = pair.split_once('/').unwrap_or((pair, ""));
        let letter = first.chars().next().unwrap_or_default();
        let known = abbreviations.entry(letter).or_default();
        known.push((first, second, meaning));
    }
    Vocabulary {
        words,
        abbreviations,
    }
});

/// Words by their letters: each step down is the next letter, so that a word is looked up in as many steps as it has.
#[derive(Default)]
struct Letters {
    next: Vec<(char, Letters)>,
    /// A word ends here.
    word: Option<Meaning>,
    /// A stem ends here: whatever follows.
    stem: Option<Meaning>,
}

impl Letters {
    fn add(&mut self, pattern: &str, meaning: Meaning) {
        let mut node = self;
        for letter in pattern.trim_end_matches('*').chars() {
            let known = node.next.iter().position(|(next, _)| *next == letter);
            let place = known.unwrap_or(node.next.len());
            if known.is_none() {
                node.next.push((letter, Letters::default()));
            }
            let Some((_, below)) = node.next.get_mut(place) else {
                return;
            };
            node = below;
        }
        if pattern.ends_with('*') {
            node.stem = Some(meaning);
        } else {
            node.word = Some(meaning);
        }
    }

    /// The whole word, else the longest stem.
    fn find(&self, word: &str) -> Option<Meaning> {
        let mut node = self;
        let mut stem = None;
        for letter in word.chars() {
            stem = node.stem.or(stem);
            let below = node.next.iter().find(|(next, _)| *next == letter);
            let Some((_, below)) = below else {
                return stem;
            };
            node = below;
        }
        node.word.or(node.stem).or(stem)
    }
}

/// What the folded word means.
pub(super) fn meaning(word: &str) -> Meaning {
    VOCABULARY.words.find(word).unwrap_or(Meaning::Other)
}

/// Whether a folded word begins any abbreviation.
pub(super) fn begins_abbreviation(first: &str) -> bool {
    beginning_with(first).next().is_some()
}

/// What two folded words with a mark between mean together.
pub(super) fn abbreviation(first: &str, second: &str) -> Option<Meaning> {
    beginning_with(first)
        .find(|(pattern, _)| fits(pattern, second))
        .map(|(_, meaning)| meaning)
}

/// The second words and meanings of the abbreviations that begin with that word.
fn beginning_with(word: &str) -> impl Iterator<Item = (&'static str, Meaning)> {
    let letter = word.chars().next().unwrap_or_default();
    let known = VOCABULARY.abbreviations.get(&letter).into_iter().flatten();
    known
        .filter(move |(first, _, _)| fits(first, word))
        .map(|(_, second, meaning)| (*second, *meaning))
}

/// A mistyped `счёт`: one letter wrong, missing, doubled or in the wrong place. Asked only where a number follows.
pub(super) fn is_misspelt_invoice(word: &str) -> bool {
    const RIGHT: [&str; 6] = ["счет", "счета", "счету", "счетам", "счетов", "счетом"];
    // Words of their own that happen to be as near.
    const WRONG: [&str; 8] = [
        "смет", "свет", "учет", "чет", "сует", "спет", "сект", "счит",
    ];
    let right_length = (4..=7).contains(&word.chars().count());
    right_length
        && !WRONG.iter().any(|other| word.starts_with(other))
        && RIGHT.iter().any(|right| is_one_edit_away(word, right))
}

/// Each pattern of a table with its meaning.
fn entries(
    table: &'static [(Meaning, &'static str)],
) -> impl Iterator<Item = (&'static str, Meaning)> {
    table
        .iter()
        .flat_map(|(meaning, words)| words.split(' ').map(|word| (word, *meaning)))
}

fn fits(pattern: &str, word: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == word, |stem| word.starts_with(stem))
}

/// Whether one letter put in, taken out, replaced or swapped with its neighbour makes one word of the other.
fn is_one_edit_away(one: &str, other: &str) -> bool {
    let one: Vec<char> = one.chars().collect();
    let other: Vec<char> = other.chars().collect();
    let same_head = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (
        one.get(same_head..).unwrap_or_default(),
        other.get(same_head..).unwrap_or_default(),
    );
    match (one, other) {
        ([_, one_rest @ ..], [_, other_rest @ ..]) if one_rest == other_rest => true,
        ([_, one_rest @ ..], other) if one_rest == other => true,
        (one, [_, other_rest @ ..]) if one == other_rest => true,
        ([a, b, one_rest @ ..], [c, d, other_rest @ ..]) => {
            a == d && b == c && one_rest == other_rest
        }
        (_, _) => false,
    }
}
