"""Tables of the text front end: abbreviations, units, acronyms, months.

Data only, chosen by hand for American English.
"""

from __future__ import annotations

# Written with a full stop; spoken as the words given. Keys are lower case, no stop.
TITLES = {
    "mr": "mister",
    "mrs": "missus",
    "ms": "miz",
    "messrs": "messieurs",
    "dr": "doctor",
    "prof": "professor",
    "gen": "general",
    "col": "colonel",
    "maj": "major",
    "capt": "captain",
    "cpt": "captain",
    "lt": "lieutenant",
    "sgt": "sergeant",
    "cpl": "corporal",
    "pvt": "private",
    "adm": "admiral",
    "cmdr": "commander",
    "rev": "reverend",
    "fr": "father",
    "hon": "honorable",
    "gov": "governor",
    "sen": "senator",
    "rep": "representative",
    "pres": "president",
    "sec": "secretary",
    "st": "saint",
    "mt": "mount",
    "ft": "fort",
}
ABBREVIATIONS = {
    "jr": "junior",
    "sr": "senior",
    "esq": "esquire",
    "inc": "incorporated",
    "ltd": "limited",
    "corp": "corporation",
    "co": "company",
    "bros": "brothers",
    "dept": "department",
    "univ": "university",
    "assn": "association",
    "ave": "avenue",
    "blvd": "boulevard",
    "rd": "road",
    "ln": "lane",
    "hwy": "highway",
    "pkwy": "parkway",
    "apt": "apartment",
    "bldg": "building",
    "etc": "et cetera",
    "vs": "versus",
    "approx": "approximately",
    "est": "established",
    "govt": "government",
    "intl": "international",
    "natl": "national",
    "misc": "miscellaneous",
    "vol": "volume",
    "ch": "chapter",
    "fig": "figure",
    "figs": "figures",
    "eq": "equation",
    "viz": "namely",
    "ext": "extension",
    "tel": "telephone",
    "min": "minutes",
    "mins": "minutes",
    "hr": "hour",
    "hrs": "hours",
    "secs": "seconds",
    "yr": "year",
    "yrs": "years",
    "wk": "week",
    "wks": "weeks",
    "temp": "temperature",
    "max": "maximum",
    "avg": "average",
    "qty": "quantity",
    "asst": "assistant",
    "mgr": "manager",
}
# Never ordinary words, so that what follows does not matter.
SURE = frozenset(
    "jr sr esq inc ltd corp bros dept assn ave blvd hwy pkwy apt bldg etc vs approx "
    "govt intl natl asst mgr qty hrs yrs".split()
)
# Read as the same words with or without a full stop, whatever follows.
ALWAYS = {
    "mr": "mister",
    "mrs": "missus",
    "dr": "doctor",
    "vs": "versus",
    "etc": "et cetera",
    "approx": "approximately",
    "dept": "department",
    "govt": "government",
    "blvd": "boulevard",
    "sgt": "sergeant",
    "aka": "also known as",
    "yoy": "year over year",
    "qoq": "quarter over quarter",
    "btw": "by the way",
    "pls": "please",
    "plz": "please",
    "thx": "thanks",
    "msg": "message",
    "mgr": "manager",
    "bldg": "building",
    "pkwy": "parkway",
    "natl": "national",
    "intl": "international",
    "ctrl": "control",
    "hrs": "hours",
    "yrs": "years",
    "tbsp": "tablespoon",
    "tsp": "teaspoon",
    "lbs": "pounds",
    "mph": "miles per hour",
}
# Read letter by letter in lower case too, as no word is spelled like them.
LOWER_INITIALISMS = frozenset(
    "api apis url urls uri cpu cpus gpu gpus utf aws usb uuid dna rna ufo ufos uv ui ux"
    " iot ide ides ios usa uk eu ceo cfo cto atm eta fyi diy idk omg imo imho npm id"
    " ids phd"
    " ai io ip ips html https tls".split()
)
DOTTED = {
    "e.g.": "for example",
    "i.e.": "that is",
    "a.k.a.": "also known as",
    "p.s.": "p s",
    "ph.d.": "p h d",
    "m.d.": "m d",
    "b.a.": "b a",
    "n.b.": "note well",
}
MONTHS = {
    "jan": "january",
    "feb": "february",
    "mar": "march",
    "apr": "april",
    "may": "may",
    "jun": "june",
    "jul": "july",
    "aug": "august",
    "sep": "september",
    "sept": "september",
    "oct": "october",
    "nov": "november",
    "dec": "december",
}
MONTH_NAMES = tuple(dict.fromkeys(MONTHS.values()))
DAYS = {
    "mon": "monday",
    "tue": "tuesday",
    "tues": "tuesday",
    "wed": "wednesday",
    "thu": "thursday",
    "thur": "thursday",
    "thurs": "thursday",
    "fri": "friday",
    "sat": "saturday",
    "sun": "sunday",
}
MAGNITUDES = {
    "thousand": "thousand",
    "million": "million",
    "billion": "billion",
    "trillion": "trillion",
    "lakh": "lakh",
    "crore": "crore",
    "k": "thousand",
    "K": "thousand",
    "m": "million",
    "M": "million",
    "mn": "million",
    "b": "billion",
    "B": "billion",
    "bn": "billion",
    "T": "trillion",
}
# Capitals that are said as words, not letter by letter.
SPOKEN_ACRONYMS = frozenset(
    "nasa nato unesco unicef opec aids covid laser radar scuba sonar gif jpeg ram rom "
    "pin sim wasp asap faq nafta ikea lego ibiza osha fifa uefa nascar captcha moma "
    "swat taser zip yolo sars hipaa fema noaa potus scotus jail wifi json yaml mac"
    " ascii "
    "bios dos ansi posix unix gnu ajax rest soap crud cron lidar lan wan nas cern"
    " darpa "
    "norad fomo bogo ebola mers brics asean fico tiff cmos imax lasik pip asic".split()
)
# Ordinary words that people write in capitals for stress.
STRESSED = frozenset(
    "am a an and are as all any ask be big bad but by buy can day did do eat end even "
    "ever far few for free from get give go good great had has have he help her here "
    "hey him his hot how i if in into is it its just keep know last let like look love "
    "make man many may me more most much must my need never new nice no non none not "
    "now of off oh old on once one only open or our out over own please put read red "
    "right run safe same save say see sell she show so some soon stay stop such sure "
    "take talk tell than that the them then they this time to too top true try two up "
    "us use very wait want was way we well went were what when where who why will win "
    "with won work wow yes yet you your zero big each also both back down find first "
    "hard high home hope left life line list live long main mind name next note part "
    "real rest sale send ship side sign size stand start still think three under until "
    "wrong exit fire danger hello happy today large small every again about after "
    "before never always yay bye huge real dont cant wont at".split()
)
# Short words that are shouted as often as others, but look like initialisms alone:
# they are words among other words in capitals.
SHORT_WORDS = frozenset(
    "act add age ago aid aim air ale arm art ash ate bag ban bar bat bed bee bet "
    "bid bit bow box boy bun bus cab cap car cat cow cry cup cut dad dam den dew "
    "die dig dim dip dog dry dub due dug dye ear egg ego elf elm era eve eye fan "
    "fat fee fig fin fit fix flu fly fog fox fry fun fur gap gas gem god got gum "
    "gun gut guy gym ham hat hay hen hid hip hit hog hop hug hut ice ill ink inn "
    "ivy jam jar jaw jet job jog joy key kid kin kit lab lad lap law lay leg lid "
    "lie lip lit log lot low mad map mat men met mix mob mom mop mud mug nap net "
    "nod nor nut oak oar odd off oil ore owe owl own pad pan pat paw pay pea pen "
    "pet pie pig pit pop pot pub pup rag ran rat raw ray rib rid rim rip rob rod "
    "rot row rub rug sad sat saw sea set sew sin sip sir sit six ski sky sob sod "
    "son soy spy sum sun tan tap tax tea ten tie tin tip toe ton toy tub tug van "
    "max min top vet via vow war wax web wed wet wig wit woe yell yet zoo ours".split()
)
NUMBERED = frozenset(
    "act appendix article book chapter class episode figure grade level mark part "
    "phase scene section series stage step super bowl table title type unit version "
    "volume war world".split()
)
REGNAL = frozenset(
    "henry louis charles george william edward richard elizabeth james john paul pius "
    "benedict leo philip ferdinand francis frederick peter catherine nicholas "
    "alexander napoleon mary gregory clement innocent urban margaret ivan otto".split()
)
DOMAINS = (
    "com org net edu gov io ai dev app info biz co uk us de fr eu ca au jp ch tv me"
).split()
