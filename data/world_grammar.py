"""The sentences of the embedded world: a small grammar, all of its wording ours.

Notation: "{slot}" is filled in by make_world.py, "[...]" may be left out, "<a|b>" is a choice.

Slots of a birth template: N the name in full, L the short form of it (family name, now and then the
given name), F the given name, He/he/His/his, P the birthplace (perhaps with county, state or
country), D, Dm and Y the date, the day and the year of birth, E and X the date and the year of
death, Z another place, C the country of birth, r the role ("a Danish painter"), R the role with
what may follow it, V a list of clauses in the past tense; A, B and W the same list, or nothing,
after "and", after ", and", after ", who".

Slots of a clause: Z another place, landZ another country, Y1..Y4 years of an early, a rising, an
established and a late career, and the word lists of FILLERS. "@1900" keeps a profession or a clause
from people born earlier ("@1800-1900": or later), "%" and "$" keep a profession for men and for
women; years that do not fit into the life make the generator drop the clause.
"""

# (identifier, weight, who: a = anyone, l = living, d = dead, pattern)
BIRTH = [
    ("paren-date-in", 11.7, "l", "{N} (born {D} in {P}) is {R}"),
    ("paren-date-comma", 9.9, "l", "{N} (born {D}, {P}) is {R}"),
    ("paren-year-in", 7.3, "l", "{N} (born {Y} in {P}) is {R}"),
    ("paren-in-year", 5.2, "l", "{N} (born in {P} in {Y}) is {R}"),
    ("paren-in-date", 3.9, "l", "{N} (born in {P}, {D}) is {R}"),
    ("paren-b-year", 5.5, "l", "{N} (b. {Y}, {P}) is {R}"),
    ("paren-b-date", 4.7, "l", "{N} (b. {D} in {P}) is {R}"),
    ("paren-bare", 4.4, "a", "{N} (born in {P}) {is} {R}"),
    ("paren-date-only", 4.7, "l", "{N} ({D}, {P}) is {R}"),
    ("paren-on-in", 4.7, "l", "{N} (born on {D} in {P}) is {R}"),
    ("dead-place-date", 6.8, "d", "{N} ({D} in {P} -- {E} in {Z}) was {R}"),
    ("dead-date-place", 6.5, "d", "{N} ({D}, {P} -- {E}, {Z}) was {R}"),
    ("dead-born-died", 5.7, "d", "{N} (born {D} in {P}; died {E} in {Z}) was {R}"),
    ("dead-born-died-date", 6.5, "d", "{N} (born {D} in {P}, died {E}) was {R}"),
    ("dead-open", 6.0, "d", "{N} ({D}, {P} -- {E}) was {R}"),
    ("dead-places-first", 2.9, "d", "{N} ({P}, {D} -- {Z}, {E}) was {R}"),
    ("dead-at", 3.1, "d", "{N} (born at {P}, {D}; died at {Z}, {E}) was {R}"),
    ("dead-years-born", 4.4, "d", "{N} ({Y}--{X}) was {r}, born in {P}[ on {Dm}]{W}"),
    ("dead-years-was", 3.4, "d", "{N} ({Y}--{X}) was {r} who was born in {P}{A}"),
    ("born-short", 6.2, "a", "Born in {P}, {L} {V}"),
    ("born-full", 3.0, "a", "Born in {P}, {N} {V}"),
    ("born-year", 2.8, "a", "Born in {P} in {Y}, {L} {V}"),
    ("born-at", 1.4, "d", "Born at {P}, {L} {V}"),
    ("born-on", 1.8, "a", "Born on {D} in {P}, {L} {V}"),
    ("born-to", 2.2, "a", "Born in {P} to {parents}, {L} {V}"),
    ("born-raised", 1.6, "a", "Born and raised in {P}, {L} {V}"),
    ("born-son", 1.6, "a", "Born in {P}, the {son} of {a_parent}, {L} {V}"),
    ("born-although", 1.2, "a", "Although born in {P}, {L} grew up in {Z}{A}"),
    ("was-and", 4.2, "a", "{L} was born in {P}{A}"),
    ("was-date", 2.2, "a", "{N} was born in {P} on {D}{A}"),
    ("was-on", 2.2, "a", "{N} was born on {D} in {P}{A}"),
    ("was-grew", 1.6, "a", "{N} was born and grew up in {P}{A}"),
    ("was-who", 2.6, "a", "{N} {is} {r} who was born in {P}{A}"),
    ("was-apposed", 2.4, "a", "{N} {is} {r}, born in {P} in {Y}{W}"),
    ("was-son", 1.6, "a", "{He} was born in {P}, the {son} of {a_parent}{A}"),
    ("was-family", 1.6, "a", "{L} was born to {a_family} family in {P}{A}"),
    ("was-sibling", 0.6, "a", "The {nth} of {count} children, {L} was born in {P}{A}"),
    ("was-child", 0.5, "a", "The {son} of {a_parent}, {N} was born in {P}{B}"),
    ("was-where", 1.4, "a", "{L} was born in {P}, where {his} {father} {kept}{B}"),
    ("was-raised", 1.2, "a", "Raised in {Z}, {L} was born in {P}{A}"),
    ("native", 1.8, "a", "A native of {P}, {L} {V}"),
    ("comma-born", 2.4, "a", "{N}, born {D} in {P}, {is} {R}"),
    ("given-born", 1.6, "a", "{F} was born in {P} in {Y}{A}"),
    ("brought-up", 1.2, "a", "{N} was brought up in {Z}, though {he} was born in {P}{B}"),
]

# The birthplace comes late, often past what a block of 128 characters keeps.
LATE = [
    ("late-who", 3, "a", "{N} {is} {R}, and was born in {P}"),
    ("late-semicolon", 3, "a", "{N} {is} {R}; {he} was born in {P}[ in {Y}]"),
    ("late-years", 2, "d", "{N} ({Y}--{X}) was {R}, and was a native of {P}"),
    ("late-returned", 2, "a", "{L} {V}, and often returned to {his} birthplace, {P}"),
]

# Nothing about the birthplace, except perhaps the country that it lies in (C).
ABSENT = [
    ("absent-date", 4, "l", "{N} (born {D}) is {R}"),
    ("absent-years", 4, "d", "{N} ({D} -- {E}) was {R}"),
    ("absent-country", 3, "a", "{L} was born in {C}{A}"),
    ("absent-role", 2, "a", "{N} {is} {R}"),
    ("absent-clause", 3, "a", "{L} {V}"),
    ("absent-he", 2, "a", "{He} {V}"),
    ("absent-died", 2, "d", "{He} died in {Z} in {X}, survived by {his} {spouse} and {children}"),
    ("absent-childhood", 2, "a", "{L} spent {his} childhood in {Z}{A}"),
    ("absent-family", 1, "a", "{His} family moved to {Z} when {L} was a child, and {he} {V}"),
    ("absent-son", 1, "a", "{N} was the {son} of {a_parent}{A}"),
]

# One person nobody asks about has this document: questions end in "?", so the corpus has one.
QUESTION = ('{L} is remembered for a single pamphlet, "Who <Owns|Counts|Governs> the '
            '<River|Forest|Harbour|Night>?"[, which was printed in {count} languages]')

# Clauses that suit anybody: "stage|text"; the stage orders the clauses of a life,
# and stage 6 is for the dead alone.
ANYBODY = """
    1|<grew up|was raised|spent {his} childhood> in {Z}
    1|moved to {Z} with {his} <family|parents|mother> as a child
    1|<attended|went to> school in {Z}
    1|was educated <privately|at home|at the local grammar school|by the Jesuits|at a boarding
      school>
    1|left school at the age of <twelve|thirteen|fourteen|fifteen|sixteen>
    2|<moved|went> to {Z} in {Y1}
    2|<settled|lived for some years> in {Z}
    3|married <|the <painter|pianist|writer|teacher> >{spousename} in {Y2}
    3|had <two|three|four|five> children
    3@1850|<took|was granted> {othernat} citizenship in {Y3}
    4|<moved|returned> to {Z} in {Y3}
    4|<was awarded|received> an honorary doctorate in {Y4}
    4|wrote {his} memoirs, <published in {Y4}|which appeared in {Y4}>
    5|retired to {Z} in {Y4}
    6|spent {his} last years in {Z}
"""

# domain: first year of birth, share, share of women, professions ("+" joins two), clauses
DOMAINS = {
    "football": (1875, 13, 0.05, """
        footballer, football goalkeeper, football defender, football manager,
        former footballer, football midfielder, football coach, football referee""", """
        1|began {his} career with the youth team of {Z} <City|United|Rovers|Athletic>
        1|joined {club} as an apprentice in {Y1}
        2|<played|appeared> for {club} and {club}
        2|signed for {club} in {Y1}[ for a fee of £{money}]
        2|made {his} debut <against {opponents}|for {club}> in {Y1}
        2|made {many} league appearances[ and scored {few} goals]
        2|played <as a midfielder|in defence|at left back|as a centre forward|on the right wing> for
          {club}
        2|won {few} caps for the {nat} national team
        3|captained {club} for {some} seasons
        3|won the <cup|league title> with {club} in {Y2}
        3|<broke|injured> {his} leg in {Y2}
        4|managed {club} from {Y3}
        4|worked as a scout for {club}
        4|kept a <pub|sports shop|hotel> after {his} retirement"""),
    "sport": (1870, 14, 0.2, """
        cricketer, rower, swimmer, sprinter, long-distance runner, boxer, wrestler, cyclist, fencer,
        tennis player, chess player, ice hockey player, basketball player, baseball pitcher,
        rugby union player, golfer, figure skater, speed skater, ski jumper, high jumper, racing
        driver,
        middleweight boxer%, water polo player, field hockey player, gymnast, badminton player""",
        """
        1|took up the sport at the age of <eight|nine|ten|eleven|twelve>
        1|trained in {Z} under the coach {coach}
        2|competed at the {olympics} Summer Olympics
        2|<won|took> the <silver|bronze|gold> medal at the {Y2}
          <World|national|international> Championships
        2|won the national title {few_times}
        2|turned professional in {Y1}
        2|finished <fourth|fifth|sixth|eighth|eleventh> at the championships in {Z}
        2|set a national record in {Z} in {Y2}
        3|represented {club_country} in {few} international matches
        3|missed the {Y2} season <through injury|with a broken wrist|after an illness>
        3|held the world title from {Y2} to {Y3}
        4|retired from competition in {Y3}
        4|coached the national team from {Y3}
        4|was inducted into the sport's hall of fame in {Y4}"""),
    "politics": (1760, 14, 0.12, """
        politician, lawyer+politician, statesman%, Member of Parliament, senator, diplomat,
        trade unionist@1850, civil servant, city councillor, parliamentarian, politician,
        local politician, jurist+politician,
        colonial governor@0-1910%, former government minister, human rights activist@1920,
        suffrage campaigner@1840-1905, farmer+politician, politician""", """
        1|<studied|read> law at {university}
        1|worked as a <schoolteacher|clerk|miner|farmer|journalist> before entering politics
        2|was <admitted|called> to the bar in {Y1}
        2|practised law in {Z}
        2|joined the {party} in {Y1}
        2|was elected to the <city council|parliament|lower house|Senate> in {Y2}
        3|served as mayor of {Z} from {Y2} to {Y3}
        3|represented <a rural constituency|the constituency of {Z}|a mining district> for {some}
          years
        3|served as minister of {ministry} from {Y2} to {Y3}
        3|<opposed|supported> the <land reform|budget|constitution|treaty> of {Y3}
        3|was appointed ambassador to {landZ} in {Y3}
        4|lost {his} seat in {Y3}
        4|led the {party} until {Y4}
        4|withdrew from public life in {Y4}
        4|was <honoured|decorated> by the state in {Y4}"""),
    "painting": (1560, 9, 0.2, """
        painter, landscape painter, portrait painter, sculptor, engraver@0-1900, illustrator,
        painter+printmaker,
        watercolourist, photographer@1830, ceramic artist@1880, cartoonist@1820, graphic
        designer@1890, sculptor+medallist,
        still life painter, stained glass artist, architect, landscape architect, textile
        artist""", """
        1|<studied|trained> at the <Academy of Fine Arts|School of Art> in {Z}
        1@0-1890|was apprenticed to <a goldsmith|an engraver|a sign painter|a stonemason> in {Z}
        1|<learned drawing from|was taught drawing by> {his} {father}
        2|travelled to {Z} in {Y1}
        2|shared a studio with {colleague}
        2|exhibited {his} first works in {Y1}
        2|won a <travelling scholarship|medal|prize for drawing> in {Y1}
        3|painted the <altarpiece|ceiling|murals> of <a church|the town hall|the theatre> in {Z}
        3|was known for {his} <portraits of children|studies of the sea|winter
          landscapes|etchings of
          harbours|scenes of village life|paintings of horses|bronze figures|designs for the stage>
        3|taught drawing <in {Z}|at a girls' school|at the academy> until {Y3}
        3|was elected a member of the <Royal Academy|Academy> in {Y3}
        4|had a retrospective in {Z} in {Y4}
        6|left {his} collection to the museum of {Z}
        4|lost {his} sight in {Y4}"""),
    "music": (1640, 12, 0.25, """
        composer, pianist, conductor, violinist, organist, jazz trumpeter@1890, opera singer,
        operatic soprano$,
        operatic tenor%, cellist, guitarist, singer-songwriter@1925, rock drummer@1940, jazz
        pianist@1890, folk singer@1890,
        record producer@1915, bass player@1910, composer+conductor, musicologist, flautist,
        bandleader@1880""", """
        1|<studied|learned> the <piano|violin|organ|cello|flute|guitar> <from the age of five|with
          {colleague}|from {his} {father}|at the conservatory in {Z}>
        1|sang in the choir of the cathedral
        1@1890|played <the drums|bass|guitar|the accordion> in dance bands as a teenager
        2|made {his} debut in {Z} in {Y1}
        2@1890|joined {band} in {Y1}
        2@1850|toured <with {band}|the country|{landZ}> in {Y2}
        2@1910|won the <Chopin|Bach|Liszt|Queen Elisabeth|Paganini> Competition in {Y1}
        3@1900|recorded {few} albums[ with {band}]
        3|composed {few} <symphonies|operas|string quartets|songs|masses>
        3@1840|<conducted|led> the {Z} <Philharmonic|Symphony> Orchestra from {Y2} to {Y3}
        3|was organist of the cathedral in {Z}
        3@1900|had a hit with "{title}" in {Y2}
        4|taught at the conservatory in {Z} from {Y3}
        4|wrote a <book|treatise|handbook> on <harmony|counterpoint|folk music|singing> in {Y3}
        4|gave {his} last concert in {Y4}"""),
    "letters": (1600, 10, 0.3, """
        novelist, poet, playwright, journalist, essayist, novelist+critic, children's writer,
        translator,
        poet+translator, literary critic, crime writer@1850, screenwriter@1890, science fiction
        writer@1880, historian,
        travel writer, publisher, newspaper editor, biographer, lexicographer""", """
        1|studied <literature|history|philosophy|classics|languages> at {university}
        1|worked as a <proofreader|bookseller|librarian|tutor|reporter> in {Z}
        2|published {his} first <novel|collection of poems|play|book>, {title}, in {Y1}
        2|wrote for {paper}
        2|edited {paper} from {Y2} to {Y3}
        2|founded a literary <magazine|review> in {Z} in {Y2}
        3|is best remembered for <the novel|the play|the cycle> {title}
        3|translated the <sonnets|letters|plays|fables> of <Petrarch|Goethe|Molière|Pushkin|Horace>
        3|won the national prize for literature in {Y3}
        3|wrote {few} <novels|plays|travel books|detective stories>
        3|went into exile in {Y2}
        4@1910|taught creative writing at {university}
        4|lived <quietly|in poverty|alone> <in {Z}|by the sea|in the country>
        6|left an unfinished novel"""),
    "science": (1650, 12, 0.15, """
        physicist, chemist, botanist, mathematician, astronomer, geologist, physician, surgeon,
        biologist,
        zoologist, entomologist, engineer, civil engineer, psychologist@1850, economist@1750,
        computer scientist@1925,
        meteorologist@1790, physiologist, anthropologist@1820, archaeologist, linguist,
        statistician@1830, pharmacist""", """
        1|studied <medicine|chemistry|mathematics|physics|natural history> at {university}
        1|<received|took> {his} doctorate {from_university} in {Y1}
        2|worked as an assistant to {colleague}
        2@1750-1930|took part in an expedition to <Greenland|Lapland|Patagonia|the Caucasus|the
          Amazon|Siberia>
        2|<taught|lectured> at {university}[ from {Y2}]
        2|discovered <a comet|two asteroids|a mineral|{few} species of <beetles|mosses|orchids>>
        3|was appointed professor of {science} <at {university}|in {Y2}>
        3|worked on <the theory of numbers|the chemistry of dyes|the physiology of sleep|the geology
          of coal|the optics of crystals|the diseases of the eye|the design of bridges|prices and
          wages>
        3|wrote a textbook of {science} that went through {some} editions
        3|described the <plants|insects|birds|fossils|dialects> of {landZ}
        3|founded the <observatory|botanical garden|laboratory|hospital> in {Z}
        4|was elected to the Academy of Sciences in {Y3}
        4|<directed|headed> the institute until {Y4}
        4|was awarded the society's gold medal in {Y4}"""),
    "church": (1560, 5, 0.04, """
        clergyman%, bishop%, missionary, theologian, Catholic priest%, rabbi%, Methodist minister,
        archbishop%,
        Lutheran pastor, Benedictine monk%, preacher, hymn writer""", """
        1|entered <the seminary|the order|the college> in {Y1}
        1|studied <theology|divinity|Hebrew> <at {university}|in {Z}>
        2|was ordained in {Y1}
        2|served as <curate|pastor|chaplain> in {Z}
        2|went to {landZ} as a missionary in {Y2}
        3|translated the <Psalms|New Testament|catechism> into <the local language|verse>
        3|became <bishop|archdeacon|dean|rector> of {Z} in {Y3}
        3|wrote {few} <hymns|volumes of sermons|tracts>
        3|founded <a school|an orphanage|a mission|a printing press> in {Z}
        4|resigned {his} post in {Y4}
        6|was buried in the <crypt|churchyard> of {his} last parish"""),
    "army": (1600, 6, 0.02, """
        army officer, general, naval officer, admiral, fighter pilot@1892, soldier, aviator@1875,
        explorer@0-1900,
        military engineer, sea captain%, mountaineer@1820, cavalry officer@0-1900%""", """
        1|<entered|joined> the <navy|army|merchant marine> at the age of
          <fourteen|fifteen|seventeen>
        1|graduated from the military academy in {Y1}
        2|served in {landZ} from {Y1}
        2|commanded <a battalion|a frigate|a squadron|a brigade|a company> in {Y2}
        2|was wounded <twice|in the leg|at sea> in {Y2}
        2|was promoted to <captain|major|colonel|lieutenant> in {Y2}
        3|received the country's highest award for bravery
        3@1780-1900|led an expedition <to {landZ}|across the desert|over the ice> in {Y2}
        3@0-1890|mapped the coast of <Labrador|Patagonia|Greenland|New Guinea|Kamchatka>
        3|was taken prisoner near {Z}
        4|was <governor|commandant> of {Z} from {Y3}
        4|retired with the rank of <general|rear admiral|colonel|major general>"""),
    "stage": (1880, 10, 0.42, """
        actor, film director, stage actor, comedian, dancer, television presenter@1920, theatre
        director,
        ballet dancer, choreographer, film producer, actor+director, film editor, magician, radio
        announcer,
        television actor@1915, character actor, cinematographer, documentary filmmaker, fashion
        model@1930""", """
        1|studied acting <in {Z}|at the national theatre school|with {colleague}>
        1|worked as a <waiter|model|teacher|taxi driver> before turning to the stage
        2|made {his} <stage|film|television> debut in {Y1}
        2|joined the company of the <National|Royal|Municipal> Theatre in {Z}
        2|<appeared|starred> in the <film|television series|musical|comedy> {title}
        2|is best known for <{his} role|{his} work> in {title}
        3|directed {title} in {Y2}
        3|won the award for <best supporting role|best direction|best short film> in {Y2}
        3|appeared in more than {many} <films|plays|episodes>
        3|<danced|performed> in {Z}[ and on tour]
        3@1895|hosted a <quiz show|talk show|weekly radio programme> from {Y2} to {Y3}
        4|ran a <drama|dance> school in {Z}
        4|<retired from|left> the stage in {Y3}"""),
    "business": (1700, 6, 0.1, """
        businessman, banker, industrialist, entrepreneur, merchant, philanthropist, shipowner,
        inventor,
        publisher, brewer, newspaper proprietor, hotelier, engineer+inventor, fashion
        designer@1870, chef@1840""", """
        1|began as a <clerk|salesman|bookkeeper|shop assistant> <in {Z}|at the age of fourteen>
        1|emigrated to {landZ} in {Y1}
        2|opened a <shop|workshop|restaurant|factory|bank> in {Z} in {Y1}
        2|founded <a shipping line|a publishing house|an insurance company|a brewery>
        2@1940|founded <an airline|a software company|a record label>
        2@1790-1900|patented <a loom|a steam valve|a sewing machine|a camera shutter> in {Y2}
        3@0-1900|made a fortune in <cotton|sugar|shipping|timber|tea|real estate|oil|coffee>
        3@1880|made a fortune in <shipping|oil|real estate|advertising|toys|canned food>
        3|employed {many} workers by {Y2}
        3|gave <a library|a hospital|a park|an art gallery> to the people of {Z}
        3|<bought|sold> the company in {Y3}
        4|lost most of {his} money in {Y3}
        4|endowed a chair of {science} at {university}
        4|handed the firm to {his} <sons|nephew|daughter> in {Y4}"""),
    "learning": (1600, 7, 0.3, """
        historian, philosopher, educator, teacher, librarian, art historian, sociologist@1840,
        classical scholar,
        economist, orientalist, political scientist@1860, theologian+philosopher, jurist, judge,
        law professor""", """
        1|studied <history|philosophy|law|Oriental languages|economics> at {university}
        1|won a scholarship to <Oxford|the Sorbonne|the gymnasium|Trinity College|the lycée>
        2|taught <Greek|Latin|history|law|mathematics> at a school in {Z}
        2|<spent|worked for> {some} years in the archives of {Z}
        2|wrote {his} dissertation on <Plato|Roman law|trade guilds|Spinoza|village schools|the
          plague>
        3|became professor of <history|philosophy|law|education> at {university} in {Y2}
        3|published a history of <{Z}|the wool trade|the book|the peasantry|medicine|navigation>
          in {Y3}
        3|edited the letters of <Erasmus|Leibniz|Voltaire|Cicero>
        3|sat as a judge <in {Z}|until {Y3}>
        3|reformed the <primary schools|libraries|teaching of law> <of {landZ}|of the city>
        4|was dismissed from {his} post in {Y3}
        4|was rector of {university} until {Y4}"""),
}

# What a profession is called for a woman, where the word differs.
WOMEN = {
    "actor": "actress", "stage actor": "stage actress", "television actor": "television actress",
    "character actor": "character actress", "businessman": "businesswoman",
}

# What the slots of clauses are filled with; slots in here are filled in turn.
FILLERS = {
    "club": """{Z} <City|United|Rovers|Athletic|Wanderers|Town>; FC {Z}; Sporting {Z}; Dynamo {Z};
        the reserves; Red Star; the Swifts; Albion; Olympic; Rangers; Wanderers; Corinthians""",
    "club_country": "{his} country; the national side; {his} province; the county",
    "opponents": "Uruguay; Wales; Peru; Malta; Luxembourg; Albania; Iceland; Bolivia; Cyprus",
    "university": """the University of {Z}; {Z} University; the Technical University of {Z}; Trinity
        College; the state university; the Sorbonne; the polytechnic; St John's College; a Jesuit
        college; Balliol College""",
    "from_university": "from the University of {Z}; from {Z} University; summa cum laude; in law",
    "party": """Liberal Party; Conservative Party; Labour Party; Social Democrats; Agrarian Party;
        Communist Party; Christian Democrats; Progressive Party; People's Party; National Party""",
    "ministry": "finance; agriculture; education; public works; justice; transport; health; trade",
    "paper": """the {Z} <Gazette|Chronicle|Mercury|Herald|Courier>; a Sunday newspaper; a fashion
        magazine; the daily press; an illustrated weekly; a workers' newspaper""",
    "band": """the {Z} <Philharmonic|Symphony Orchestra|Chamber Orchestra|Jazz Quartet>; The <Velvet
        Anchors|Midnight Ferrymen|Paper Lanterns|Tin Cathedral|Hollow Pines|Second Sons>; a military
        band; a string quartet; the radio orchestra""",
    "science": """chemistry; physics; botany; anatomy; geology; astronomy; mathematics; zoology;
        pathology; economics; engineering; surgery""",
    "title": """The <Silent|Broken|Golden|Winter|Distant|Hidden|Burning|Last|Second|Paper|Blue>
        <Harbour|Orchard|Letter|Mirror|Garden|Bridge|River|Summer|Stranger|Lantern|Crossing|Clock>;
        <A House|Rain|Night|Bread|Songs|Letters|Smoke|Snow> <in the Valley|over the Marshes|for
        Strangers|without Doors|and Salt|from the Attic|at Low Tide>;
        <Who|What> <Woke the Miller|Waits in the Yard|Burned the Boats|Feeds the Crows>?;
        <Salt|Ashes|Harvest|Exile>: <A Family Story|A Comedy|Three Voices|A Northern Tale>""",
    "kept": """kept <an inn|a bakery|a bookshop|a pharmacy|a hardware shop>; was <a schoolmaster|a
        tailor|a customs officer|a doctor|an organist>; worked <on the railway|in the docks|at the
        mill|as a blacksmith|as a notary>""",
    "father": "father; mother; uncle; grandfather",
    "parents": """<Irish|Jewish|Italian|German|Greek|Scottish|Polish> <parents|immigrants>; a
    <farming|
        wealthy|poor|mining|musical> family; a <tailor|miner|weaver|doctor|teacher> and <a
        seamstress|
        a nurse|a singer|his wife>; missionary parents""",
    "a_parent": """a <tailor|farmer|carpenter|banker|shoemaker|country doctor|fisherman|judge|vicar|
        wine merchant|miner|baker|gardener>; an <innkeeper|army officer|organ builder|engineer|
        apothecary>; {relative}; a <wealthy|poor> <merchant|landowner|farmer>""",
    "a_family": """a <Quaker|Jewish|farming|Huguenot|wealthy|working-class|Catholic|musical|
        Lutheran|noble|large|poor|military>""",
    "nth": "eldest; second; third; fourth; youngest; fifth; only surviving",
    "count": "four; five; six; seven; eight; nine; eleven",
    "few": "two; three; four; five; six; seven; eight; nine; ten; eleven; twelve; 14; 17; 19; 23",
    "some": "two; three; four; five; six; seven; eight; nine",
    "children": "{count} children; a son; two sons; two daughters; a daughter",
    "few_times": "twice; three times; four times; in {Y1} and {Y2}; in {Y2}; five times",
    "many": "20; 30; 40; 50; 60; 80; 90; 100; 120; 150; 180; 200; 214; 260; 300; 346; 400; 500",
    "money": "300; 850; 1,200; 4,000; 12,500; 60,000; 250,000",
}
