#!/usr/bin/env python3
"""Makes what dev.rap.template is held against, with jinja2 as Transformers sets it up.

usage: python3 scripts/golden-templates.py   (in an environment with transformers and jinja2 3.1.6)

Reads   src/test/resources/dev/rap/template/chat/*.jinja     templates in the manner of model families
Writes  beside them: chats.golden.json, each template with each conversation that suits it, and
        expressions.golden.json, small templates, by hand and generated (seed 1)

A case is what is rendered and the output, or null where Python fails.
"""

import copy
import datetime
import json
import pathlib
import random
import sys

import jinja2
import transformers
from transformers.utils import chat_template_utils

ROOT = pathlib.Path(__file__).resolve().parent.parent / "src/test/resources/dev/rap/template"
SEED = 1


class Now(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 7, 6, 5, 4, 3, 20100)


chat_template_utils.datetime = Now

VERSIONS = {
    "jinja2": jinja2.__version__,
    "transformers": transformers.__version__,
    "python": sys.version.split()[0],
}


def rendered(template, variables):
    try:
        return chat_template_utils._compile_jinja_template(template).render(**copy.deepcopy(variables))
    except Exception:  # whatever Python raises is an error there and must be one here
        return None


# Small templates -------------------------------------------------------------------------------

VARIABLES = {
    "n": 7, "neg": -3, "big": 2**70, "zero": 0, "x": 2.5, "tiny": 1e-7, "huge": 1e22, "yes": True,
    "no": False, "nothing": None, "s": "Hello, World", "empty": "", "uni": "Ünïcödé ß 😀 日本",
    "quo": "it's \"q\" \\ \n\t\x07", "lines": "one\n  two\r\n\nthree\n", "html": "<b>&\"'</b>",
    "digits": " 42 ", "l": [3, 1, 2], "mixed": [1, "a", None, True, 2.0], "words": ["b", "A", "c", "B"],
    "nested": [[1, 2], [3, [4]]], "el": [], "d": {"a": 1, "b": {"c": [1, 2]}, "items": 5}, "ed": {},
    "users": [
        {"name": "Zoe", "age": 31, "tags": ["x"], "in": {"city": "Rome"}},
        {"name": "adam", "age": 25, "tags": [], "in": {"city": "oslo"}},
        {"name": "Bob", "age": 31, "tags": ["y", "z"], "in": {"city": "Rome"}},
    ],
}

ATOMS = [
    "n", "neg", "big", "zero", "x", "tiny", "huge", "yes", "no", "nothing", "s", "empty", "uni", "quo",
    "lines", "html", "digits", "l", "mixed", "words", "nested", "el", "d", "ed", "users", "missing",
    "0", "1", "-1", "3.0", "1e3", "'a'", "'l'", "'Hello'", "()", "(1,)", "(1, 2)", "[1, 'b']",
    "{'k': 'v', 1: 2}", "range(4)", "d.b", "users[0].name", "l[0]", "true", "none",
]
BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", "<=", ">", ">=", "in", "not in",
          "and", "or"]
FILTERS = [
    "abs", "attr('a')", "batch(2)|list", "batch(2, 0)|list", "capitalize", "center(20)", "count",
    "default('z')", "default('z', true)", "d(1)", "dictsort", "dictsort(true)", "dictsort(by='value')",
    "dictsort(reverse=true)", "escape", "e", "filesizeformat", "filesizeformat(true)", "first", "float",
    "float(1.5)", "forceescape", "format(1)", "format('a', 2)", "indent", "indent(2, true)",
    "indent(width='> ', first=true, blank=true)", "int", "int(5)", "int(0, 16)", "items|list", "join",
    "join(', ')", "join('-', attribute='name')", "last", "length", "list", "lower", "map('upper')|list",
    "map(attribute='name')|list", "map(attribute='zip', default='?')|join(',')", "max", "min",
    "reject('none')|list", "rejectattr('tags')|list|length", "replace('l', 'L')", "replace('o', '0', 1)",
    "replace('', '-')", "reverse|list", "reverse", "round", "round(1)", "round(-1)", "round(1, 'floor')",
    "round(method='ceil')", "safe", "select|list", "select('odd')|list", "select('string')|list",
    "selectattr('age', 'gt', 30)|map(attribute='name')|list", "slice(2)|list", "slice(3, 'x')|list",
    "sort", "sort(true)", "sort(case_sensitive=true)", "sort(attribute='age,name')|map(attribute='name')|list",
    "string", "striptags", "sum", "sum(start=1)", "sum(attribute='age')", "title", "tojson",
    "tojson(indent=2)", "tojson(sort_keys=true)", "tojson(ensure_ascii=true)",
    "tojson(separators=(',', ':'))", "tojson(indent=0)", "trim", "trim('Hd')", "truncate(8)",
    "truncate(5, true, '', 0)", "unique|list", "upper", "urlencode", "wordcount", "xmlattr",
    "groupby('age')|list", "groupby('in.city')|map(attribute='grouper')|list", "nope",
    "max(attribute='age')", "min(attribute='name')", "tojson|length", "list|first", "length > 2",
]
TESTS = [
    "boolean", "callable", "defined", "divisibleby(2)", "divisibleby 3", "eq(1)", "== 1", "even", "odd",
    "false", "true", "filter", "float", "ge(1)", "gt(2)", "in([1, 'a', none])", "in 'abc'", "integer",
    "iterable", "le 1", "lower", "lt(1)", "mapping", "ne(1)", "none", "not none", "number", "sameas(none)",
    "sequence", "string", "test", "undefined", "upper", "escaped", "not defined", "sameas true", "nope",
]
POSTFIX = [
    "[0]", "[-1]", "[1:]", "[:-1]", "[::2]", "[::-1]", "[-2:]", "[5:]", "[2:0:-1]", "['a']", "['items']",
    ".a", ".items", ".items()", ".items()|list", ".keys()|list", ".values()|list", ".get('a')",
    ".get('zz', 'no')", ".b.c", ".name", ".0", ".upper()", ".lower()", ".strip()", ".strip('H')",
    ".lstrip()", ".rstrip()", ".split()", ".split(',')", ".split('l', 1)", ".rsplit('o', 1)",
    ".rsplit(none, 1)", ".splitlines()", ".splitlines(true)", ".title()", ".capitalize()", ".swapcase()",
    ".startswith('He')", ".endswith(('d', 'x'))", ".replace('l', '_')", ".replace('l', '_', 1)",
    ".find('o')", ".rfind('o')", ".index('z')", ".count('l')", ".isdigit()", ".isalpha()", ".isalnum()",
    ".isspace()", ".isupper()", ".islower()", ".istitle()", ".zfill(6)", ".center(9, '*')", ".ljust(15)",
    ".rjust(15, '.')", ".partition(',')", ".rpartition('o')", ".removeprefix('He')",
    ".removesuffix('ld')", ".join(['a', 'b'])", ".join(words)", ".format(1, k=2)", ".expandtabs(4)",
    ".casefold()", ".append(1)", ".copy()", ".index(1)", ".count(1)", ".pop()", ".update({})",
    ".__class__", "()", "(1)", ".encode", ".isnumeric()", ".isdecimal()", ".isidentifier()",
    ".isprintable()", "[x]", "[none]", "[:'a']", "[true]", ".real", ".bit_length()", ".is_integer()",
]

BY_HAND = [
    # precedence and shapes of expressions
    "{{ 1 + 2 * 3 ** 2 ** 1 - -4 }}", "{{ 2 ** 3 ** 2 }}", "{{ -2 ** 2 }}", "{{ not 1 == 2 }}",
    "{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 in [1] == true }}", "{{ 'a' ~ 1 + 2 ~ 'b' }}",
    "{{ 'a' if yes }}|{{ 'a' if no }}|{{ 'a' if no else 'b' if no else 'c' }}",
    "{{ (1, 2) + (3,) }}{{ 1, 2 }}{{ () }}", "{{ [1, 2,] }}{{ {'a': 1,} }}{{ {} }}",
    "{{ 'a' 'b' \"c\" }}", "{{ '\\n\\t\\x41\\u00e9\\'\\q\\101\\N{BULLET}' }}", "{{ 'é\\é😀' }}",
    "{{ 0x1F + 0b11 + 0o17 + 1_000 }}", "{{ 1.5e3 }} {{ 1e-5 }} {{ 1_0.2_5 }}", "{{ 007 }}", "{{ 1.0.real }}",
    "{{ x.y.z }}", "{{ missing.a }}", "{{ missing['a'] }}", "{{ missing() }}", "{{ d.zz.y }}", "{{ d.zz }}",
    "{{ -x|abs }}", "{{ (-3)|abs }}", "{{ -3|abs }}", "{{ 3 if 0 else 4|string ~ 'x' }}",
    "{{ 7 is odd and 3 is not even }}", "{{ 5 is divisibleby 5 is defined }}", "{{ 1 is in [1, 2] }}",
    "{{ 'a' is in 'abc' and not 'z' in 'abc' }}", "{{ d['b']['c'][-1] }}", "{{ users.1.name }}",
    "{{ l[1:][0] }}{{ s[n-6:n-3] }}{{ s[-(1+1):] }}{{ s[:n // 2] }}", "{{ users[0]['tags'] + ['q'] }}",
    "{{ dict(a=1, **{'b': 2}) }}{{ dict([['k', 1]]) }}{{ dict(d) == d }}{{ dict.fromkeys('ab', 0) }}",
    "{{ range(5)|list }}{{ range(2, 8, 3)|list }}{{ range(5, 0, -2)|list }}{{ range(3) }}{{ range(9)[2:5] }}",
    "{{ range(100001) }}", "{{ range(100000)|length }}", "{{ 'x' * 3 }}{{ [0] * 2 }}{{ 'x' * -1 }}",
    "{{ 10 // 3 }} {{ -10 // 3 }} {{ 10 % -3 }} {{ -7.5 // 2 }} {{ 7.5 % -2 }} {{ 1 / 3 }} {{ 4 / 2 }}",
    "{{ 1 / 0 }}", "{{ 2 ** -1 }} {{ 2 ** 100 }} {{ 2 ** 0.5 }}", "{{ 10 ** 5000 }}", "{{ big * big }}",
    "{{ 0.1 + 0.2 }} {{ 1e16 }} {{ 1e15 }} {{ 123456789.125 }} {{ 1e100 }} {{ -0.0 }} {{ 5e-324 }} {{ 1e23 }}",
    "{{ 2.5|round }} {{ 3.5|round }} {{ 2.675|round(2) }} {{ 1234|round(-2) }} {{ 0.5|round|int }}",
    "{{ true + 1 }} {{ true == 1 }} {{ {1: 'a'}[true] }} {{ 1.0 in [1] }} {{ 'a' == 1 }}",
    "{{ [1, [2, 'x']] == [1, [2, 'x']] }} {{ (1,) == [1] }} {{ {'a': 1} == {'a': 1.0} }}",
    "{{ [1, 2] < [1, 3] }} {{ 'a' < 'b' }} {{ 'a' < 1 }}", "{{ none < 1 }}", "{{ [] < {} }}",
    "{{ mixed }} {{ d }} {{ quo }} {{ [quo] }} {{ [uni, html] }}", "{{ [none, true, 1.0, (1,), missing] }}",
    "{{ '%s-%d-%5.2f|%-6s|%06d|%x|%r|%%' % ('a', 3, 2.345, 'b', 42, 255, 'q') }}", "{{ '%s' % l }}",
    "{{ '%(a)s and %(items)05d' % d }}", "{{ '%d' % 'a' }}", "{{ '%s %s' % ('a',) }}", "{{ '%s' % ('a', 'b') }}",
    "{{ '%e %g %G %c %+d % d %#x %o' % (12345.678, 0.00001234, 1e20, 65, 5, 5, 255, 8) }}",
    "{{ '{} {:>5} {:<5}| {:^7} {:05d} {:.2f} {:,} {!r} {:x}'.format('a', 'b', 'c', 'd', 42, 3.14159, 1234567, 'q', 255) }}",
    "{{ '{0}{1}{0} {a} {b[c]} {u.name}'.format(1, 2, a=3, b={'c': 4}, u=users[0]) }}", "{{ '{'.format() }}",
    "{{ '{:e} {:g} {:%} {:+} {: } {:#x} {:b} {:_}'.format(1234.5, 0.0001, 0.25, 3, 4, 255, 5, 1000000) }}",
    "{{ '{:10.3}|{:*^9}|{:=+6d}|{:.3}|{}'.format(3.14159, 'x', 42, 'abcdef', none) }}",
    "{{ '{:.3} {:.1} {:10}|{:<10}|'.format(1234567.0, 15.0, 1.5, 2) }}", "{{ '{}{}'.format(1) }}",
    # tojson
    "{{ d|tojson }} {{ mixed|tojson(indent=4) }} {{ uni|tojson }} {{ quo|tojson }} {{ html|tojson }}",
    "{{ uni|tojson(ensure_ascii=true) }}", "{{ users|tojson(indent=2, sort_keys=true) }}", "{{ missing|tojson }}",
    "{{ {'b': 1, 'a': [], 'c': {}}|tojson(indent='--', separators=('; ', ' = ')) }}", "{{ (1, 2)|tojson }}",
    "{{ {1: 2, 1.5: 3, none: 4, true: 5}|tojson }}", "{{ {(1, 2): 3}|tojson }}", "{{ d.items()|tojson }}",
    "{{ 1e400|tojson }} {{ -0.0|tojson }} {{ 1e16|tojson }} {{ 12345678901234567890|tojson }}", "{{ namespace()|tojson }}",
    "{{ [1, {'a': [2, 3]}]|tojson(indent=none) }}{{ '\\x7f\\u2028'|tojson }}", "{{ d|tojson(4) }}", "{{ d|tojson(true, 1) }}",
    # statements
    "{% for i in l %}{{ loop.index }}/{{ loop.length }}:{{ i }}{{ ', ' if not loop.last }}{% endfor %}",
    "{% for i in l %}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.depth }}{{ loop.depth0 }} {% endfor %}",
    "{% for i in l %}[{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }}]{{ loop.cycle('a', 'b') }}{{ loop.changed(i > 1) }}{% endfor %}",
    "{% for i in l %}{{ loop.previtem is defined }}{{ loop.nextitem is undefined }}{% endfor %}",
    "{% for i in el %}x{% else %}none{% endfor %}{% for i in missing %}x{% else %}none{% endfor %}",
    "{% for i in range(6) if i is even %}{{ loop.index }}{{ i }}{{ loop.last }}{{ loop.length }}{% else %}x{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for k in d %}{{ k }}{% endfor %}",
    "{% for k, v in d.items() if v is mapping %}{{ k }}{{ loop.previtem }}{% endfor %}{% for k, v in d|dictsort %}{{ k }}{% endfor %}",
    "{% for k, v in d|items %}{{ k }}{% endfor %}{% for k, v in missing|items %}{{ k }}{% endfor %}",
    "{% for a, (b, c) in [[1, [2, 3]]] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in [1] %}{% endfor %}",
    "{% for i in range(9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% for i in l %}{% for j in l %}{{ loop.index }}{% if j == 1 %}{% break %}{% endif %}{% endfor %}{{ loop.index }}{% endfor %}",
    "{% for n in nested recursive %}{% if n is iterable %}({{ loop(n) }}){% else %}{{ n }}@{{ loop.depth }}{% endif %}{% endfor %}",
    "{% for i in n %}{% endfor %}", "{% for i in none %}{% endfor %}", "{% break %}", "{% for i in l %}{% else %}{% break %}{% endfor %}",
    "{% for i in l %}{{ loop }}{% endfor %}", "{% for c in 'añ😀' %}{{ c }}.{% endfor %}", "{% for loop in l %}{% endfor %}",
    "{% for i in l %}{% set loop = 1 %}{% endfor %}", "{% for i in l %}{{ loop.nope }}{{ loop['index'] }}{% endfor %}",
    "{% for i in [1, 2, 3]|reverse %}{{ i }}{{ loop.length }}{% endfor %}{% for i in l|map('string') %}{{ loop.last }}{% endfor %}",
    "{% set a = 1 %}{% for i in l %}{% set a = a + i %}{{ a }}{% endfor %}{{ a }}", "{% set a, b = 1, 2 %}{{ b }}{{ a }}",
    "{% set ns = namespace(a=1, b=[]) %}{% for i in l %}{% set ns.a = ns.a + i %}{% set ns.b = ns.b + [i] %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ ns['a'] }}{{ ns.c }}{{ ns }}",
    "{% set ns.x = 1 %}", "{% set d.x = 1 %}", "{% set ns = namespace({'q': 1}, r=2) %}{{ ns.q }}{{ ns.r }}", "{% set ns = namespace(_a=1) %}",
    "{% set a.b.c = 1 %}", "{% set 1 = 2 %}", "{% set true = 2 %}", "{% set a %}x{{ n }}{% endset %}[{{ a }}]", "{% set a | upper | trim %} b {% endset %}[{{ a }}]",
    "{% if no %}a{% elif n > 5 %}b{% else %}c{% endif %}", "{% if missing %}a{% endif %}{% if not missing %}b{% endif %}",
    "{% if 1, 0 %}t{% endif %}", "{% if n: %}x{% endif %}", "{% if yes %}{% set q = 1 %}{% endif %}{{ q }}", "{% if no %}{% set s = 1 %}{% endif %}{{ s }}",
    "{% if no %}{{ 1|nope }}{% endif %}ok", "{% if yes %}{{ 1|nope }}{% endif %}", "{{ 1|nope if no else 2 }}", "{% for i in l %}{{ i|nope }}{% endfor %}",
    "{% if no %}{% for i in l %}{{ i|nope }}{% endfor %}{% endif %}", "{% if 1 is nope %}{% endif %}", "{{ 1 is nope }}",
    "{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }}{{ m(1, c=3) }}{{ m(b=1, a=2) }}{{ m() }}{{ m(1, 2, 3) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}", "{% macro m(a, a) %}{% endmacro %}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}{{ m.name }}{{ m.arguments }}{{ m }}", "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m(x) %}<{{ caller(x * 2) }}>{% endmacro %}{% call(y) m(3) %}{{ y }}{{ n }}{% endcall %}", "{% macro m() %}{{ caller }}{{ caller is defined }}{% endmacro %}{{ m() }}",
    "{% macro m() %}x{% endmacro %}{% call m() %}y{% endcall %}", "{% call 1 %}{% endcall %}", "{% macro f(i) %}{{ i }}{% if i > 0 %}{{ f(i - 1) }}{% endif %}{% endmacro %}{{ f(5) }}",
    "{% set v = 1 %}{% macro m() %}{{ v }}{% set v = 5 %}{{ v }}{% endmacro %}{{ m() }}{{ v }}{% set v = 2 %}{{ m() }}", "{% macro f(a, b=a) %}{{ b }}{% endmacro %}{{ f(3) }}",
    "{% for i in l %}{% macro m() %}{{ i }}{{ loop.index }}{% endmacro %}{{ m() }}{% endfor %}{{ m is defined }}", "{{ m() }}{% macro m() %}a{% endmacro %}",
    "{% with a=1, b=n %}{{ a }}{{ b }}{% set c = 1 %}{% endwith %}{{ a }}{{ c }}", "{% set a = 9 %}{% with a=1, b=a %}{{ b }}{% endwith %}", "{% with %}x{% endwith %}",
    "{% filter upper %}abc{{ s }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}aca{% endfilter %}", "{% filter nope %}{% endfilter %}",
    "{% generation %}{{ n }}{% set g = 1 %}{% endgeneration %}{{ g }}", "{%- generation -%} a {%- endgeneration -%} b", "{% for i in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}",
    "{% print n, s %}", "{% raw %}{{ a }}{% b %}{% endraw %}", "{%- raw -%} {{ a }} {%- endraw -%} x", "{% raw %}\n  x\n{% endraw %}\ny", "{% raw %}x",
    "{# a {{ b }} #}x{#- c -#} y", "a\n  {# c #}\nb", "{# x", "{{ '{% raw %}' }}", "a {#- b +#}\nc",
    "{% do l %}", "{% include 'x' %}", "{% nope %}", "{% endif %}", "{% if 1 %}", "{% for i in l %}{% endif %}", "{{ }}", "{{ 1", "{% if %}{% endif %}", "{{ 1 }", "{{ (1 }}",
    "{{ 'a }}", "{{ ! }}", "{{ a b }}", "{{ a. }}", "{{ a| }}", "{{ f(a=1, 2) }}", "{{ f(*l, *l) }}", "{{ f(**d, **d) }}", "{{ [1 2] }}", "{{ {1} }}", "{{ not }}", "{{ 1 if }}", "{{ a is }}",
    "{{ raise_exception('no') }}", "{% if no %}{{ raise_exception('no') }}{% endif %}ok", "{{ strftime_now('%d %b %Y') }}", "{{ strftime_now('%A %a %B %H:%M:%S %p %I %j %U %W %w %y %f %e %-d %D %F %T %% %x %X %c %V %G %u') }}",
    "{% set c = cycler(1, 2) %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.next() }}", "{% set j = joiner('|') %}{{ j() }}a{{ j() }}b{{ j() }}c", "{{ cycler() }}",
    "{% set g = l|map('string') %}{{ g|join }}|{{ g|join }}", "{{ (l|map('string'))[0] }}", "{{ l|map('nope')|list }}", "{{ l|select('nope')|list }}", "{{ el|map('nope')|list }}", "{{ l|map }}", "{{ l|map()|list }}",
    "{{ words|map('lower')|map('replace', 'a', 'z')|list }}", "{{ users|map(attribute='in.city')|unique|list }}", "{{ users|selectattr('name', 'in', ['Zoe', 'Bob'])|map(attribute='age')|sum }}",
    "{{ users|rejectattr('age', 'equalto', 31)|list }}", "{{ users|selectattr('zip')|list }}", "{{ users|selectattr('zip', 'defined')|list|length }}", "{{ users|sort(attribute='in.city', reverse=true)|map(attribute='name')|list }}",
    "{{ [1, 'a']|sort }}", "{{ words|sort|join }}{{ words|sort(case_sensitive=true)|join }}{{ words|unique|join }}{{ words|min }}{{ words|max }}{{ el|max }}{{ el|first }}", "{{ d|length }}{{ d|list }}{{ d|first }}{{ d|last }}",
    "{{ n|length }}", "{{ missing|length }}{{ missing|list }}{{ missing|join }}{{ missing|upper }}{{ missing|trim }}|", "{{ missing + 1 }}", "{{ missing ~ 'a' }}", "{{ missing|int }}", "{{ missing == missing }}{{ missing == none }}{{ missing in [1] }}",
    "{{ html|e }}{{ html|e|e }}{{ (html|safe)|e }}{{ html|safe ~ html }}{{ (html|safe) + html }}{{ [html|safe] }}{{ (html|e).upper() }}{{ html|escape|length }}{{ html|forceescape }}", "{{ ('a'|safe).join(['<', 'b']) }}{{ ('%s'|safe) % '<' }}{{ ('<a>'|safe).replace('a', '&') }}",
    "{{ 'Hello World'|truncate(8) }}{{ 'foo bar baz qux'|truncate(9) }}{{ 'foo bar baz qux'|truncate(9, True) }}{{ 'foo bar baz qux'|truncate(11, False, '...', 0) }}", "{{ 'hello wORLD (foo) [bar] a-b'|title }}|{{ \"they're bill's\".title() }}|{{ 'ß ǆ ΑΣ'.title() }}{{ 'ΑΣ'.lower() }}{{ 'ßa'.capitalize() }}{{ 'ǆx'|capitalize }}",
    "{{ '1,2,,3'.split(',') }}{{ ' a  b '.split() }}{{ ' a  b '.split(' ') }}{{ 'a b c'.split(none, 1) }}{{ ' a b c '.split(none, 1) }}{{ 'abc'.split('') }}", "{{ ''.split() }}{{ ''.split(',') }}{{ 'a,b'.split(sep=',', maxsplit=0) }}{{ ' a b '.rsplit(none, 1) }}{{ 'aXbXc'.rsplit('X', 1) }}{{ ' x '.split(none, 0) }}",
    "{{ 'a' in d }}{{ 1 in d.values() }}{{ ('a', 1) in d.items() }}{{ 'z' not in d.keys() }}{{ d.keys() }}{{ d.values() }}{{ ed.items() }}", "{{ d.keys()|length }}{{ d.keys()[0] }}{{ d.keys() == d.keys() }}", "{{ d.update({'z': 1}) }}", "{{ l.append(4) }}",
    "{{ d.get('b').get('c')[0] }}{{ d.get('q') }}{{ d.get('q', {}).get('r', 'dflt') }}", "{{ d.get }}", "{{ s.upper }}", "{{ s.__class__ }}", "{{ s.nope }}", "{{ s.nope() }}", "{{ ''.__class__.__mro__ }}", "{{ (1).real }}{{ 5 .bit_length() }}",
    "{{ [1, 2, 3].index(2) }}{{ (1, 2, 1).count(1) }}{{ l.copy() }}", "{{ 'abc'.index('z') }}", "{{ '42'|int + '3.9'|int }}{{ 'x'|int }}{{ 'x'|int(-1) }}{{ '0x1f'|int(0, 16) }}{{ '1e3'|int }}{{ none|int }}{{ ' 12 '|int }}{{ '1_0'|int }}{{ '٣'|int }}{{ 3.99|int }}{{ -3.99|int }}",
    "{{ '3.5'|float }}{{ 'x'|float }}{{ 'inf'|float }}{{ 'nan'|float }}{{ '1_0.5'|float }}{{ '.5'|float }}{{ '5.'|float }}{{ '.'|float }}{{ 'e5'|float }}", "{{ 'inf'|float|int }}", "{{ 1000000|filesizeformat }}{{ 1|filesizeformat }}{{ 999|filesizeformat }}{{ 1500|filesizeformat }}{{ 123456789012|filesizeformat(true) }}{{ 10**30|filesizeformat }}",
    "{{ 'a b&c/d?é'|urlencode }}{{ {'a b': 1, 'c': 'd/e'}|urlencode }}{{ [('x', 'y z')]|urlencode }}", "<p{{ {'a': 1, 'b': none, 'c': '<'}|xmlattr }}>", "{{ {'a b': 1}|xmlattr }}", "{{ 'a'|attr('upper') is callable }}{{ d|attr('a') }}{{ d|attr('zz') is defined }}", "{{ 'foo'|center(9) }}|{{ 'foo'.center(10, '*') }}|{{ 'foob'.center(9, '*') }}",
    "{{ 'x\n\ny'|indent }}|{{ 'x\n\ny'|indent(2, blank=true) }}|{{ 'x\ny'|indent(first=true) }}|{{ ''|indent(3, true) }}|{{ 'a\n'|indent }}|{{ 3|indent }}", "{{ 'a\u2028b\x0cc'.splitlines() }}{{ '\n'.splitlines() }}{{ 'a\r\nb\rc\n'.splitlines(true) }}",
    "{{ 'upper' is filter }}{{ 'odd' is test }}{{ 'nope' is filter }}{{ range is callable }}{{ s.upper is callable }}{{ n is callable }}", "{{ 1 is sameas 1 }}{{ true is sameas true }}{{ 1 is sameas true }}{{ l is sameas l }}{{ none is sameas none }}{{ [] is sameas [] }}", "{{ 'AB' is upper }}{{ 'ab1' is lower }}{{ '1' is lower }}{{ '' is upper }}",
    "{{ l is sequence }}{{ s is sequence }}{{ d is sequence }}{{ n is sequence }}{{ range(3) is sequence }}{{ missing is sequence }}{{ d.items() is sequence }}{{ (l|map('string')) is iterable }}{{ missing is iterable }}{{ missing is mapping }}", "{{ 3 is gt 2 }}{{ 3 is lessthan 2 }}{{ 'a' is eq 'a' }}{{ 3 is ge(3) }}",
    "{{ 1 is number }}{{ true is number }}{{ 1.0 is integer }}{{ true is integer }}{{ 'a' is number }}{{ 1.5 is float }}", "{{ 'é' * 3 }}{{ uni|length }}{{ uni[10:12] }}{{ uni[::-1] }}{{ uni|upper }}{{ uni|reverse }}{{ uni|list }}{{ uni.encode }}", "{{ [1,2,3,4,5]|batch(2)|list }}{{ range(7)|slice(3)|list }}{{ [1,2]|batch(0)|list }}",
    "{{ 'a'|default('b') }}{{ missing|default('b') }}{{ none|default('b') }}{{ ''|default('b', true) }}{{ missing|d }}|{{ d.q|default(d.a) }}{{ missing.q|default(1) }}", "{{ (missing or 'x') }}{{ 0 or none }}{{ 1 and 'y' }}{{ [] or {} }}", "{{ 'x'.join(l|map('string')) }}", "{{ 'x'.join(l) }}", "{{ l|join(1) }}{{ none|string }}{{ none ~ true }}", "{{ none|upper }}{{ 12|upper }}{{ true|lower }}{{ l|upper }}{{ none|trim }}", "{{ s.startswith('H', 1) }}{{ s.find('o', 5) }}{{ s.find('', 99) }}{{ s.count('') }}{{ s.startswith(1) }}",
    # what a loop's body left early does not count as: 'else' follows
    "{% for i in l %}{{ i }}{% break %}{% else %}e{% endfor %}", "{% for i in l %}{{ i }}{% if i == 1 %}{% break %}{% endif %}{% else %}e{% endfor %}",
    "{% for i in l %}{% continue %}{% else %}e{% endfor %}", "{% for i in l %}{% if i > 1 %}{% continue %}{% endif %}{{ i }}{% else %}e{% endfor %}",
    "{% for i in l %}{% for j in l[i:] %}{{ j }}{% break %}{% else %}-{% break %}{% endfor %}{{ i }}{% endfor %}",
    # blocks whose filter or call gives no string
    "{% filter length %}abc{% endfilter %}", "{% filter list %}ab{% endfilter %}", "{% filter int|string %}7{% endfilter %}", "{% filter safe %}a{% endfilter %}",
    "{% filter first %}{% endfilter %}", "{% set v | length %}abc{% endset %}{{ v + 1 }}", "{% macro m() %}{% filter wordcount %}a b{% endfilter %}{% endmacro %}x",
    "{% call dict() %}{% endcall %}", "{% call namespace() %}{% endcall %}", "{% call 'a{}'.format(1) %}{% endcall %}",
    "{% macro m() %}{{ caller() }}{% endmacro %}{% call m(*5) %}{% endcall %}", "{% macro m() %}{{ caller() }}{% endmacro %}{% call m(**5) %}{% endcall %}",
    # undefined, empty and lazy
    "[{{ missing|last }}]{{ missing|last|default('L') }}{{ missing|reverse|list }}{{ missing|first is defined }}", "{{ (d.zz|last).id is defined }}", "{{ (missing|last).id.x }}",
    "{{ s|items is iterable }}{{ none|items is defined }}", "{{ s|items|list }}", "{% for k, v in s|items %}{{ k }}{% endfor %}", "{% for k, v in [1, 2]|items %}{{ k }}{% else %}e{% endfor %}",
    "{{ 'a' % missing }}{{ '%s' % missing }}|{{ 'a' % range(3) }}{{ 'a' % [1] }}{{ 'a' % d }}", "{{ 'a' % none }}", "{{ 'a' % 1 }}", "{{ '%s %s' % missing }}",
    "{{ s.encode is defined }}{{ s.translate is defined }}{{ s.encode is callable }}", "{% set c = cycler(1, 2) %}{{ c.items }}{{ c.pos }}{{ c.next() }}{{ c.pos }}",
    "{{ (-2.5)|round(-1) }}{{ (-0.4)|round }}{{ (-0.04)|round(1) }}{{ 0.04|round(1) }}", "{{ empty * big }}", "{{ el * -big }}", "{{ s * (2 ** 63) }}", "{{ empty * (2 ** 62) }}{{ el * -5 }}",
    # whitespace
    "  {% if 1 %}\n  a\n  {% endif %}\nb\n", "  {%- if 1 -%}\n  a\n  {%- endif -%}\nb\n\n", "a {%+ if 1 %}b{% endif +%}\nc", "a  {%- if 1 %} b {%- endif %} c", "{{ 1 }}\n{{ 2 -}}  \n {{- 3 }}\n", "\n{% if 1 %}\n\nx{% endif %}\n\n", "a\r\nb\rc\n", "\t{% set a = 1 %}\t\n x {% set b = 2 %} y", "x{% set a = 1 %}\n\n  {%+ set b = 2 %}\ny", "{% if 1 -%}   {%- endif %}z", "  {{ 1 }}  ", "  {%- raw %}  a{% endraw %}  ", "\u00a0{%- if 1 %}\u3000{%- endif %}", "{% if 1 %}\n{% endif %}\n  {% if 1 %}\n  {% endif %}  \nq", "a\n{%- for i in l %}\n  {{ i }}\n{%- endfor %}\nb",
]


def generated():
    rng = random.Random(SEED)
    cases = []
    for a in ATOMS:
        for f in rng.sample(FILTERS, 14):
            cases.append("{{ %s|%s }}" % (a if a[0] not in "-" else f"({a})", f))
        for t in rng.sample(TESTS, 7):
            cases.append("{{ %s is %s }}" % (a, t))
        for p in rng.sample(POSTFIX, 14):
            cases.append("{%% set v = %s %%}{{ v%s }}" % (a, p))  # a literal would be folded
        for op in BINARY:
            cases.append("{{ %s %s %s }}" % (a, op, rng.choice(ATOMS)))
    for _ in range(700):
        a, b, c = (rng.choice(ATOMS) for _ in range(3))
        cases.append(
            rng.choice(
                [
                    "{{ (%s %s %s)|%s }}" % (a, rng.choice(BINARY), b, rng.choice(FILTERS)),
                    "{{ %s if %s is %s else %s }}" % (a, b, rng.choice(TESTS), c),
                    "{%% for i in %s %%}{{ i }}{{ loop.last }},{%% endfor %%}" % a,
                    "{%% for i in %s if i %s %s %%}{{ i }}{%% else %%}-{%% endfor %%}" % (a, rng.choice(BINARY), b),
                    "{{ [%s, %s]|%s }}" % (a, b, rng.choice(FILTERS)),
                    "{{ {'k': %s}|tojson }}{%% set v = %s %%}{{ v%s }}" % (a, b, rng.choice(POSTFIX)),
                    "{%% set v = %s|%s %%}{{ v is %s }}" % (a, rng.choice(FILTERS), rng.choice(TESTS)),
                ]
            )
        )
    return cases


# What shows an address is no case, nor what Python's own attributes are.
def is_stable(template, output):
    return " at 0x" not in (output or "") and "missing %}{{ v.__" not in template


def write_expressions():
    cases = []
    for template in dict.fromkeys(BY_HAND + generated()):
        output = rendered(template, VARIABLES)
        if is_stable(template, output):
            cases.append([template, output])
    document = {"versions": VERSIONS, "seed": SEED, "variables": VARIABLES}
    lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
    head = json.dumps(document)[:-1]
    (ROOT / "expressions.golden.json").write_text(f'{head},\n"cases": [\n{lines}\n]}}\n')
    print("expressions", len(cases), "of them errors", sum(o is None for _, o in cases))


# Conversations ---------------------------------------------------------------------------------


def said(role, content, **more):
    return {"role": role, "content": content, **more}


def call(name, arguments, call_id="abcdefgh1"):
    return {"type": "function", "id": call_id, "function": {"name": name, "arguments": arguments}}


WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Tells the weather of a \"place\" <now>",
        "parameters": {
            "type": "object",
            "properties": {
                "place": {"type": "string", "description": "A town, as in Zürich\nor elsewhere"},
                "unit": {"type": "string", "enum": ["°C", "°F"], "description": "The unit", "default": "°C"},
                "days": {"type": ["integer", "null"], "description": "How many"},
            },
            "required": ["place"],
        },
    },
}
SUM = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds",
        "parameters": {
            "type": "object",
            "properties": {
                "xs": {"type": "array", "items": {"type": "number"}, "description": "What is added"},
                "o": {
                    "type": "object",
                    "description": "Options",
                    "properties": {"exact": {"type": "boolean", "description": "Whether"}},
                },
            },
            "required": [],
        },
        "return": {"type": "number", "description": "The sum"},
    },
}

USER, OTHER = said("user", " What is 2 < 3 & 'x'? "), said("user", "Und jetzt?\n\tGrüße 😀")
REPLY, SYSTEM = said("assistant", "\n It is true. \n"), said("system", "  Be brief.\n")
CALLING = said("assistant", "", tool_calls=[call("get_weather", {"place": "Zürich", "days": 2, "f": 1.0})])
RESULT = said("tool", '{"degrees": 21.5}', tool_call_id="abcdefgh1", name="get_weather")
TWO = said(
    "assistant",
    "Both.",
    tool_calls=[call("get_weather", {"place": "a/b"}), call("add", {"xs": [1, 2.5, 1e20]}, "abcdefgh2")],
)

CONVERSATIONS = {
    "one": {"messages": [USER]},
    "one-open": {"messages": [USER], "add_generation_prompt": False},
    "system": {"messages": [SYSTEM, USER]},
    "turns": {"messages": [USER, REPLY, OTHER]},
    "system-turns": {"messages": [SYSTEM, USER, REPLY, OTHER, REPLY], "add_generation_prompt": False},
    "wrong-order": {"messages": [REPLY, USER, USER]},
    "empty": {"messages": [said("user", "")]},
    "tools": {"messages": [SYSTEM, USER], "tools": [WEATHER, SUM]},
    "tools-called": {"messages": [USER, CALLING, RESULT, REPLY, OTHER], "tools": [WEATHER]},
    "tools-pending": {"messages": [USER, CALLING, RESULT], "tools": [WEATHER, SUM]},
    "tools-two": {
        "messages": [USER, TWO, RESULT, said("tool", "3.5", tool_call_id="abcdefgh2"), REPLY],
        "tools": [SUM],
        "add_generation_prompt": False,
    },
    "tools-null": {"messages": [USER, said("assistant", None, tool_calls=[call("add", {})]), RESULT]},
    "thinking": {
        "messages": [
            USER,
            said("assistant", "<think>\nHm.\n</think>\n\nYes.", reasoning_content="Hm.\n"),
            OTHER,
            said("assistant", "<think>Well</think>No."),
        ],
        "enable_thinking": False,
    },
    "no-thinking": {"messages": [said("system", "Go. /no_think"), USER], "enable_thinking": False},
    "parts": {
        "messages": [
            said("user", [{"type": "image"}, {"type": "text", "text": " What is this? "}]),
            REPLY,
            said("user", [{"type": "text", "text": "Stop."}]),
        ]
    },
    "documents": {
        "messages": [USER],
        "documents": [{"title": "A", "text": "One."}, {"title": "B", "text": "Two."}],
        "controls": {"citations": True},
    },
    "stop": {"messages": [said("user", "Stop."), REPLY, said("narrator", "…"), USER]},
}

TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": True, "tools": None, "documents": None}


def write_chats():
    cases = []
    for file in sorted((ROOT / "chat").glob("*.jinja")):
        template = file.read_text(encoding="utf-8")
        for name, conversation in CONVERSATIONS.items():
            cases.append([file.name, name, rendered(template, TOKENS | conversation)])
    document = {"versions": VERSIONS, "tokens": TOKENS, "conversations": CONVERSATIONS}
    lines = ",\n".join(json.dumps(case) for case in cases)
    (ROOT / "chats.golden.json").write_text(f'{json.dumps(document)[:-1]},\n"cases": [\n{lines}\n]}}\n')
    print("chats", len(cases), "of them errors", sum(case[2] is None for case in cases))


def main():
    write_expressions()
    write_chats()


if __name__ == "__main__":
    main()
