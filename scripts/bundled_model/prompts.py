"""What the teacher is asked to write: short stories and short explanations in plain English."""

import random
from typing import NamedTuple

NAMES = """Lily Tom Anna Ben Mia Sam Rosa Leo Ella Max Nora Jack Ruby Finn Clara Oscar Maya Theo Ivy Hugo Zoe
Noah Alice Felix Emma Omar Lucy Kofi Hana Peter Sofia Ravi Grace Diego Amy Ali Molly Jonas Kate Yusuf Daisy
Marco Nina Otto Pearl Simon Tara Victor Wendy Arthur Bella Carlos Dora Eli Fiona George Holly Ivan Julia
Karl Lena Milo Olive Paul Rita Stella Tim Uma Vera Will""".split()

CHARACTERS = """a small child|a clever child|a young rabbit|an old farmer|a kind baker|a shy mouse|a brave kitten
a curious fox|a quiet sailor|a friendly bear|a lonely robot|a little duck|a busy gardener|a young sailor
a sleepy owl|a cheerful farmer|a tiny ant|a gentle horse|a proud goose|a playful puppy|a careful painter
an old teacher|a funny monkey|a slow turtle|a young doctor|a hungry goat|a poor shepherd|a little dragon
a tall giant|a wise old owl|a strong woodcutter|a small bird|a tired bus driver|a young cook|a happy frog
a lost lamb|a patient tailor|a noisy parrot|a grey donkey|a shy hedgehog|a young musician|a kind nurse
a little squirrel|a new student|a good neighbor|an honest merchant|a lazy cat|a quick deer
a stubborn mule|a careful bee""".replace("\n", "|").split("|")

OBJECTS = """a red ball|an old key|a silver bell|a torn map|a warm scarf|a broken clock|a wooden boat|a bag of seeds
a shiny coin|a blue kite|a box of crayons|a small lamp|a loaf of bread|a lost glove|a green umbrella|a little drum
a basket of apples|a letter|a jar of honey|a pair of boots|a toy train|a golden feather|a round stone
a picture book|a yellow hat|a bicycle|a music box|a piece of rope|a glass bottle|a paper star|a big pumpkin
a white shell|a soft blanket|a small mirror|a wheel|a bucket|a ladder|a cake|a whistle|a nest with three eggs
a pocket watch|a candle|a wagon|a sled|a puzzle|a camera|a flute|a spoon|a button|a sack of flour""".replace(
    "\n", "|"
).split("|")

PLACES = """in the garden|near the river|at the market|in the forest|on the beach|on a farm|in a small town
under an old bridge|at school|in the kitchen|on a hill|in the snow|at the train station|in the library
in an empty house|beside a lake|in the park|on a boat|in a barn|at the bakery|on the roof|behind the shop
in a cave|at the zoo|on a long road|in the rain|at a fair|in the village square|on a tall mountain
in the attic|near the well|in a field of corn|at the harbor|in a quiet valley|under a big tree
at grandmother's house|in the desert|on an island|at the bus stop|in the school yard""".replace("\n", "|").split("|")

FEELINGS = """happy|sad|afraid|proud|angry|lonely|curious|tired|excited|worried|calm|surprised|hungry|shy|brave
grateful|bored|jealous|hopeful|cheerful""".replace("\n", "|").split("|")

THEMES = """sharing with others|telling the truth|making a new friend|being patient|helping a neighbor
never giving up|saying sorry|being kind to animals|learning something new|working together|trying again
facing a fear|finding the way home|keeping a promise|taking care of things|listening to others|a clever idea
a big storm|a birthday surprise|a race|a small mistake|a lost thing that is found|a long journey|the first snow
a broken toy|saying goodbye|a secret place|growing a plant|a contest|a good night's sleep""".replace("\n", "|").split("|")

STORY_REQUESTS = [
    "Write a children's story about {character} named {name} who finds {object} {place}.",
    "Write a story about {name}, {character}, who feels {feeling}. There is {object} in it.",
    "Tell a story about {theme}. It is about {character} named {name}, and it happens {place}.",
    "Write a story with some talking in it, about {name}, {character}, and {object}.",
]

STORY_OPENINGS = [
    "{name} was {character} who lived {place}.",
    "Once upon a time, there was {character} named {name}.",
    "Once upon a time, {name} found {object} {place}.",
    "One morning, {name} woke up and felt {feeling}.",
    "One day, {character} named {name} went for a walk {place}.",
    "It was a cold day, and {name} was {place}.",
    "\"Look what I found!\" said {name}.",
    "There was once {character} who had {object}.",
    "Every day, {name} went for a walk {place}.",
    "{name} found {object} {place}.",
    "{name} and a friend were {place} when they saw {object}.",
    "On the first day of spring, {name} found {object}.",
    "Late one night, {name} heard a strange sound {place}.",
    "{name} wanted {object} more than anything else.",
    "The sun was shining, and {name} felt {feeling}.",
    "{name} was {feeling}. It had been a long day {place}.",
    "In a small house, there lived {character} named {name}.",
    "One day, {name} lost {object}.",
    "{name} had never been so {feeling}.",
    "One day, {name}",
    "When {name} was young,",
    "{name}, {character},",
]

THINGS = """spoon|chair|candle|window|door|bridge|bicycle|train|boat|clock|mirror|umbrella|ladder|hammer|broom|bucket
pencil|book|map|letter|lamp|key|lock|bell|drum|flute|kite|ball|puzzle|doll|hat|coat|shoe|glove|scarf|button
pocket|blanket|pillow|bed|table|cup|plate|bowl|kettle|oven|fridge|bottle|basket|bag|box|rope|wheel|wagon|car|bus
airplane|rocket|telescope|magnet|compass|camera|telephone|radio|computer|robot|battery|light bulb|engine|farm|garden
school|library|hospital|market|bakery|museum|post office|train station|harbor|zoo|park|forest|river|lake|mountain
desert|island|beach|cave|valley|volcano|waterfall|cloud|rainbow|storm|shadow|star|planet|seed|flower|tree|leaf|root
apple|banana|carrot|potato|tomato|loaf of bread|cake|egg|bee|butterfly|spider|ant|frog|fish|whale|shark|turtle|snake
bird|owl|duck|chicken|cow|horse|sheep|goat|pig|dog|cat|mouse|rabbit|fox|bear|wolf|lion|elephant|monkey|penguin|camel
doctor|teacher|farmer|baker|nurse|firefighter|sailor|painter|musician|tailor|gardener|fisherman|postman|cook|pilot
nest|well|fence|roof|chimney|sled|tent|lighthouse|windmill|fountain|ticket|coin|calendar|needle|comb|towel
toothbrush|whistle|crayon|feather|shell|hill|pond|bridge over a river|family|neighbor|friend|birthday party""".replace(
    "\n", "|"
).split("|")

EXPLANATION_REQUESTS = [
    "What is {a_thing}? Explain it with simple words and examples.",
    "Tell me about {a_thing}.",
    "Describe {a_thing} and what it does.",
    "Why is {a_thing} important for people?",
]

EXPLANATION_OPENINGS = [
    "{A_thing} is",
    "{A_thing} is a",
    "{A_thing} is something that",
    "{A_thing} can",
    "Have you ever seen {a_thing}? It is",
    "When you look at {a_thing}, you can see",
    "Most people have seen {a_thing}.",
    "Imagine {a_thing} {place}.",
    "\"What is {a_thing}?\" asked {name}.",
]


class Prompt(NamedTuple):
    """key: what it is about, which decides its split; opening: the answer's first words."""

    key: str
    request: str
    opening: str


def _with_article(noun):
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def make(count, seed, explanation_share=0.2):
    """`count` prompts drawn at random; equal ones may occur, their answers differ."""
    draw = random.Random(seed)
    return [
        _explanation(draw) if draw.random() < explanation_share else _story(draw)
        for _ in range(count)
    ]


def _fields(draw):
    return {
        "name": draw.choice(NAMES),
        "character": draw.choice(CHARACTERS),
        "object": draw.choice(OBJECTS),
        "place": draw.choice(PLACES),
        "feeling": draw.choice(FEELINGS),
        "theme": draw.choice(THEMES),
    }


def _story(draw):
    fields = _fields(draw)
    request = draw.choice(STORY_REQUESTS).format(**fields)
    key = f"{fields['name']}|{fields['character']}"
    return Prompt(key, request, draw.choice(STORY_OPENINGS).format(**fields))


def _explanation(draw):
    fields, thing = _fields(draw), draw.choice(THINGS)
    fields["a_thing"] = _with_article(thing)
    fields["A_thing"] = fields["a_thing"][0].upper() + fields["a_thing"][1:]
    request = draw.choice(EXPLANATION_REQUESTS).format(**fields)
    return Prompt(thing, request, draw.choice(EXPLANATION_OPENINGS).format(**fields))
