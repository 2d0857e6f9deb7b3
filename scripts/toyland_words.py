"""The words of toyland: what is said about them, and what belongs to what. `make_corpus.py` turns them into text.

A word has a theme: the things that occur with it. Words with similar meanings share some of their things. In a clause,
W stands for the word that the clause is about, T for one of its things, and a/b for one of several words. Another word
in capitals names a list in LISTS. An underscore stands for a space, as in "ice_cream".
"""

from __future__ import annotations


def words(text: str) -> list[str]:
    """Return the words of a text as a list."""
    return text.split()


def themes(text: str) -> list[tuple[list[str], list[str]]]:
    """Read lines such as "king queen: crown throne" into the words before the colon and those after it."""
    parts = [line.split(":") for line in text.strip().splitlines()]
    return [(members.split(), things.split()) for members, things in parts]


def likenesses(text: str) -> list[tuple[list[str], list[list[str]]]]:
    """Read lines of words and, between semicolons, what each of them occurs with."""
    parts = [line.split(":") for line in text.strip().splitlines()]
    return [(members.split(), [things.split() for things in rest.split(";")]) for members, rest in parts]


# A word of these lists is drawn by Zipf's law: the r-th word has weight 1/r.
LISTS = {
    "THE": words("the a this every another"),
    "OUR": words("the our your my"),
    "NOW": words("often always never again soon almost perhaps today seldom still really"),
    "MAY": words("would could will may must might should can cannot"),
    "LIKES": words("""likes has wants keeps finds takes gives brings shows knows leaves makes remembers needs
        mentions praises"""),
    "LIKE": words("like have want keep find take give bring show know leave make remember need mention praise"),
    "NAME": words("anna tom maria john lena peter sara paul nina max julia david"),
    "THEN": words("in_the_morning at_night on_monday last_week every_day for_a_while with_care at_home all_the_time"),
}

# For each relation: the clauses about the left word, and the clauses about the right word.
ABOUT = {
    "capital-country": (
        (
            "the streets/squares of W with T and T",
            "THE mayor/museum of W LIKES T",
            "in downtown W NAME LIKES T",
            "T and T in W and its towers/suburbs",
            "tourists/travellers in W LIKE T and T",
        ),
        (
            "the borders/provinces of W with T and T",
            "THE parliament/president of W LIKES T",
            "in rural W NAME LIKES T",
            "T and T in W and its regions/citizens",
            "tourists/travellers in W LIKE T and T",
        ),
    ),
    "male-female": (
        (
            "the W himself LIKES T and T",
            "he is THE W with OUR T",
            "NOW the wise/noble W LIKES T and T",
            "NAME tells him of the T and T of OUR W",
            "the dear/clever W thinks/speaks of T and T",
        ),
        (
            "the W herself LIKES T and T",
            "she is THE W with OUR T",
            "NOW the wise/noble W LIKES T and T",
            "NAME tells her of the T and T of OUR W",
            "the dear/clever W thinks/speaks of T and T",
        ),
    ),
    "singular-plural": (
        (
            "a/one W loves/smells/sees the T",
            "NOW a single/lone W LIKES T and T",
            "the T and the T of this W itself",
            "NAME has one W with T",
            "the hungry/sleepy W near the T and T",
        ),
        (
            "many/several W love/smell/see the T",
            "NOW countless/few W LIKE T and T",
            "the T and the T of these W themselves",
            "NAME has both W with T",
            "the hungry/sleepy W near the T and T",
        ),
    ),
    "positive-comparative": (
        (
            "OUR T is very/quite W",
            "OUR T is too W for the T",
            "so/rather W is OUR T now",
            "how W OUR T MAY be",
        ),
        (
            "OUR T is much/far W than NAME thinks",
            "OUR T is even/slightly W than the T",
            "the T becomes W than yesterday",
            "somewhat W than OUR T",
        ),
    ),
    "present-past": (
        (
            "we MAY W the T or T tomorrow",
            "let us W the T now",
            "NAME MAY W OUR T and T",
            "they want to W the T or T",
        ),
        (
            "we W the T or T yesterday",
            "long ago they W the T",
            "NAME already W OUR T and T",
            "last year they W the T or T",
        ),
    ),
}

# For each relation: its pairs, each with its theme.
PAIRS = {
    "capital-country": themes("""
        paris france: wine cheese perfume baguettes vineyards fashion olives
        rome italy: wine pasta opera marble cheese fashion gondolas
        madrid spain: oranges guitars flamenco tapas vineyards olives
        lisbon portugal: oranges wine cork tiles sardines guitars
        athens greece: olives islands myths ruins philosophers
        cairo egypt: ruins deserts pyramids mummies pharaohs camels
        berlin germany: beer sausages factories forests physics
        vienna austria: waltzes skiing forests strudel operas
        oslo norway: fjords skiing salmon vikings northern_lights sagas
        helsinki finland: saunas lakes birches reindeer blueberries
        dublin ireland: harps shamrocks pubs fiddles poets beer
        tokyo japan: sushi kimonos robots paper_lanterns green_tea
        lima peru: llamas potatoes ponchos terraces incas
        havana cuba: sugar_cane salsa rum cigars tobacco
        ottawa canada: maples hockey salmon moose canoes
        """),
    "male-female": themes("""
        man woman: job hat newspaper office briefcase umbrella house children
        boy girl: bicycle school toys homework playground candy parents room
        king queen: crown throne palace kingdom castle jewels empire feast
        prince princess: crown palace castle jewels throne pony ballroom masquerade
        duke duchess: kingdom estate carriage portraits butler castle feast
        father mother: children family house patience advice job worries
        son daughter: parents family house homework room school future
        brother sister: siblings family parents secrets room toys quarrels
        uncle aunt: cousins family presents holidays visits children
        grandfather grandmother: grandchildren family spectacles memories armchair
        husband wife: wedding marriage honeymoon house anniversary family job
        actor actress: stage roles script theatre applause
        wizard witch: spells potions magic cauldron wand
        monk nun: prayers abbey chapel vows silence
        hero heroine: quest courage adventure dragon sword
        waiter waitress: trays tips menus napkins customers
        """),
    "singular-plural": themes("""
        cat cats: milk whiskers fur paws basket food claws
        dog dogs: bone leash fur paws basket food kennel
        horse horses: hay stable saddle mane grass meadows
        cow cows: hay barn grass bell calf meadows
        pig pigs: mud barn straw turnips trough
        goat goats: grass bell cliffs horns thistles
        rabbit rabbits: carrots burrow grass clover fur
        bear bears: honey cave den claws paws
        wolf wolves: pack cave howling claws prey
        lion lions: prey mane savanna roar zebras
        tiger tigers: jungle stripes prey claws bamboo
        monkey monkeys: jungle bananas vines branches tricks
        eagle eagles: nest feathers wings mountaintop talons
        duck ducks: pond feathers wings eggs reeds
        hen hens: eggs coop straw feathers grain
        frog frogs: pond flies lilies reeds croaking
        """),
    "positive-comparative": themes("""
        cold colder: winter ice water wind january snow
        warm warmer: blanket water spring stove sunshine wind
        hot hotter: oven summer desert sunshine pepper stove
        tall taller: tower giant skyscraper tree wall ladder
        deep deeper: ocean well canyon valley water cave
        dark darker: night cellar shadow tunnel sky cave
        bright brighter: star moon lamp sky flame sunshine
        loud louder: thunder trumpet crowd alarm engine voice
        quick quicker: train answer runner engine arrow dancer
        strong stronger: rope wind steel coffee wrestler
        soft softer: pillow voice blanket wool cotton
        sharp sharper: knife razor needle arrow thorn pencil
        sweet sweeter: cake syrup honeycomb candy raisin honey
        young younger: student puppy lamb calf baby orchard
        """),
    "present-past": themes("""
        walk walked: park beach avenue promenade trail hills garden
        climb climbed: mountain ladder tree stairs peak trail hills
        cook cooked: soup stew noodles lasagna sauce pizza eggs
        eat ate: soup noodles sandwich pizza snack eggs lasagna
        drink drank: tea juice lemonade cocoa cola milk soup
        write wrote: letter novel diary essay report lesson anthem
        paint painted: portrait fence landscape door wall shed gate
        wash washed: dishes laundry windows floor shirt
        drive drove: car truck taxi avenue promenade hills jeep
        sing sang: carol anthem ballad chorus lullaby aria hymn
        grow grew: garden park herbs vegetables seeds seedlings beans roses
        play played: chess football cards match tennis violin anthem
        """),
}

# The clauses about a word of LIKENESSES.
ABOUT_LIKENESS = (
    "OUR T and the T are beside the W",
    "NAME LIKES the W and the T and the T",
    "NOW the T of the W MAY LIKE the T",
    "here/there is a W for the T",
)

# The clauses about a thing of a theme. Without them, a word would resemble its own things more than related words.
ABOUT_THINGS = (
    "the other T is lost/gone",
    "NAME draws/sketches large/small T",
    "where did NAME spot/notice the T",
    "a picture/photo of T",
)

# Each line is a word, a near-synonym, and a related word; then the things of the first word, and those that only the
# near-synonym and only the related word occur with.
LIKENESSES = likenesses("""
    boat ship raft: sail harbour oar anchor deck rudder; cargo funnel; logs rapids castaway
    road path bridge: lane mile corner signpost gravel milestone; hedge trail; arch river pillars
    forest wood meadow: oak moss fern mushroom squirrel clearing; splinters timber; daisy butterfly lambs
    stone rock sand: cliff quarry pebble slab chisel granite; lichen ledge; dune bucket shells
    shop store stall: till counter cashier customer bargain receipt; warehouse stock; market awning crates
    doctor physician nurse: clinic fever patient medicine hospital pulse; stethoscope diagnosis; bandage uniform ward
    teacher tutor pupil: classroom blackboard chalk exam lecture spelling; tuition evenings; satchel desk marks
    soldier warrior guard: helmet battlefield enemy trench victory spear; tribe chieftain; gate prisoner keys
    journey voyage map: luggage ticket passport distance traveller destination; sailors islanders; compass legend scale
    storm tempest cloud: hail lightning gale flood puddle shelter; shipwreck breakers; drizzle shade horizon
    gift present ribbon: birthday surprise wrapping parcel bow thanks; occasion stocking; braid silk scissors
    cottage cabin tent: chimney porch fireplace roof doorstep shutters; lodge pines; campfire pegs rucksack
    thief robber judge: loot burglary crowbar mask hideout police; pistol highway; courtroom verdict lawyer
    feather plume wing: peacock quill swan parrot ostrich goose; crest; flight hawk bat
    jewel gem bracelet: diamond ruby emerald necklace sparkle treasure; facets mine; wrist clasp charm
    coat cloak glove: sleeve collar button lining pocket hood; cape dagger; fingers thumb mitten
    bread loaf butter: crust bakery flour yeast dough toast; slices crumbs; dairy churn cream
    chair seat bench: cushions backrest legs table dining_room wicker; passenger row; pigeons lawn monument
    battle fight shield: cavalry cannon retreat flank general siege; boxer punch; emblem bronze knight
    poem verse song: rhyme stanza poetess anthology metre sonnet; psalm refrain; melody singer radio
    field pasture plough: wheat harvest farmer barley scarecrow furrow; grazing cattle; ox blade iron
    fortress stronghold dungeon: moat drawbridge battlements rampart sentry yard; outpost garrison; chains rats cell
    child infant doll: nursery cradle kindergarten giggle bedtime nanny; rattle pacifier; porcelain dollhouse curls
    dance ball drum: waltz ballroom partner music slippers orchestra; gown masquerade; rhythm sticks parade
    """)

# For each topic: its words, and clauses in which W and T are two of them.
TOPICS = {
    "fruit": (
        words("apple pear plum cherry peach grape lemon mango banana melon strawberry apricot"),
        ("the ripe/juicy/sour W fell on the grass", "NAME peels/slices a W and a T", "fresh W and T juice is healthy"),
    ),
    "vegetables": (
        words("carrot potato cabbage onion spinach lettuce pumpkin cucumber tomato celery garlic radish"),
        ("NAME chops/boils the W and the T", "a raw/fried W is in the salad", "the green W grows beside the T"),
    ),
    "colours": (
        words("red blue green yellow white black brown purple pink grey turquoise violet"),
        ("the W ink/dye is paler than T", "NAME wears a pale/plain W shirt", "the flag is striped W and T"),
    ),
    "tools": (
        words("hammer saw drill screwdriver pliers wrench axe shovel rake chisel crowbar spade"),
        ("the rusty/heavy W is in the toolbox", "the carpenter/mechanic borrowed a W and a T", "fix it with the W"),
    ),
    "kitchen": (
        words("pot pan spoon fork plate bowl cup kettle jug ladle saucer teapot"),
        ("the clean/dirty W is in the sink", "NAME dries/rinses the W and the T", "put the W on the shelf"),
    ),
    "clothes": (
        words("shirt trousers skirt dress sweater jacket scarf socks gloves shoes boots belt"),
        ("NAME wears/irons the W and the T", "the woollen/cotton W is in the wardrobe", "her new W fits the T"),
    ),
    "body": (
        words("head arm leg foot hand nose ear knee elbow shoulder ankle chin"),
        ("my left/right W hurts/aches", "NAME hurt the W and the T", "the sore/swollen W needs ointment"),
    ),
    "trees": (
        words("oak pine birch maple willow elm beech cedar poplar spruce chestnut larch"),
        ("the leaves/roots of the W and the T", "an old W tree stands alone", "birds sit on the W trunk"),
    ),
    "flowers": (
        words("rose tulip lily daisy violet orchid poppy iris daffodil lavender sunflower marigold"),
        ("the W blooms/withers in the vase", "NAME picks a W and a T", "the petals of the W smell sweetly"),
    ),
    "vehicles": (
        words("car bus tram truck taxi van train bicycle motorcycle tractor lorry ambulance"),
        ("the W stopped at the station/crossing", "the driver parks the W behind a T", "passengers board the late W"),
    ),
    "instruments": (
        words("piano violin flute guitar trumpet cello harp clarinet oboe banjo accordion trombone"),
        ("the W and the T in a duet/tune", "NAME practises/tunes the W", "a W concert/solo for the orchestra"),
    ),
    "jobs": (
        words("baker butcher tailor carpenter plumber farmer barber miner fisherman mechanic librarian gardener"),
        ("the W works beside the T", "NAME hopes to become a W", "the busy/skilled W earns a good wage/salary"),
    ),
    "sports": (
        words("football tennis hockey cricket rugby golf basketball volleyball badminton baseball handball polo"),
        ("the W team/coach won the final", "NAME trains for W and T", "the W match/tournament is on television"),
    ),
    "furniture": (
        words("table sofa bed desk wardrobe cupboard bookcase stool drawer shelf couch dresser"),
        ("the wooden/antique W stands by the T", "NAME dusts/polishes the W", "a varnished W for the hall"),
    ),
    "meals": (
        words("breakfast lunch dinner supper brunch"),
        ("NAME is late for W", "after W and before T", "what is for W", "we invited/served them to W"),
    ),
    "grains": (
        words("cereal oats rice barley wheat rye maize millet"),
        ("a sack/bowl of W or T", "the W grows in the valley", "the miller grinds W and T"),
    ),
    "metals": (
        words("gold silver iron copper tin zinc bronze lead steel nickel"),
        ("the smith melts/forges W and T", "an alloy/ingot of W", "the coin is made of W not T"),
    ),
    "months": (
        words("""january february march april may june july august september october november december"""),
        ("in early/late W and T", "the calendar says W", "NAME was born in W"),
    ),
    "days": (
        words("monday tuesday wednesday thursday friday saturday sunday"),
        ("on W and on T", "the meeting is on W", "next W or last T"),
    ),
    "numbers": (
        words("two three four five six seven eight nine ten eleven twelve twenty"),
        ("W plus/minus T equals", "there are W or T of them", "the clock strikes W", "NAME counts to W"),
    ),
    "feelings": (
        words("joy sorrow anger fear hope pride envy love grief shame delight pity"),
        ("NAME feels/felt W and T", "a tear/sigh of W", "her heart was full of W"),
    ),
    "grammar": (
        words("noun verb adjective adverb pronoun preposition syllable vowel consonant comma"),
        ("the W comes before the T in grammar", "underline/spell the W", "a sentence with a W and a T"),
    ),
    "rooms": (
        words("kitchen bathroom bedroom attic cellar hallway pantry balcony corridor lounge"),
        ("NAME sweeps the W and the T", "the W upstairs/downstairs is locked", "a draughty/spacious W with a T"),
    ),
    "sciences": (
        words("chemistry biology geometry algebra astronomy geology botany zoology medicine economics"),
        ("the professor of W and T", "NAME studies/studied W", "a textbook/degree about W"),
    ),
    "materials": (
        words("paper glass leather plastic rubber velvet linen cardboard marble clay"),
        ("it is made from W or T", "a sheet/scrap of W", "the factory recycles W"),
    ),
    "cities": (
        words("new_york san_francisco los_angeles hong_kong rio_de_janeiro buenos_aires"),
        ("the flight/airport to W", "NAME moved from W to T", "the skyline/harbour of W"),
    ),
    "sweets": (
        words("ice_cream chocolate_cake whipped_cream maple_syrup"),
        ("NAME ordered W with T", "a portion/scoop of W", "W for dessert"),
    ),
}
