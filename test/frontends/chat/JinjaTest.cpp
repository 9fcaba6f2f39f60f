//===- JinjaTest.cpp - ordinary and malicious templates -----------------------------------------------------------===//

#include "frontends/chat/Jinja.h"
#include <gtest/gtest.h>

using namespace lathe;

/// The rendered text; or the error, in angle brackets.
static std::string render(llvm::StringRef source) {
  jinja::Dict turn = {{"role", std::string("user")}, {"content", std::string("hi")}};
  auto text = jinja::render(source, {{"messages", jinja::List{turn, turn}}, {"name", std::string("N")}});
  return text.ok() ? text->text : "<" + std::string(text.status().message()) + ">";
}

TEST(Jinja, WhiteSpaceAroundTagsGoesAsTransformersHasIt) {
  EXPECT_EQ(render("a\n  {% if true %}\n  b\n  {% endif %}\nc\n"), "a\n  b\nc");
  EXPECT_EQ(render("a \n {%- if true -%} \n b {%- endif +%}\nc"), "ab\nc");
  EXPECT_EQ(render("a\n {{ 1 }}\n b {{- 2 -}} \n c"), "a\n 1\n b2c");
  EXPECT_EQ(render("a\n {# gone #}\nb{#- gone -#} c"), "a\nbc");
  EXPECT_EQ(render("x {% if true %}y{% endif %}"), "x y");
  EXPECT_EQ(render("a\r\nb\rc\n\n"), "a\nb\nc\n");
  EXPECT_EQ(render("{ {} {{ {'a': {'b': 1}}['a']['b'] }}"), "{ {} 1");
}

TEST(Jinja, ExpressionsBindAsInJinja) {
  EXPECT_EQ(render("{{ 1 + 2 * 3 - 4 // 3 }} {{ -7 // 2 }} {{ -7 % 3 }}"), "6 -4 2");
  EXPECT_EQ(render("{{ 'a' + ' b ' | trim + 'c' }} {{ 'n' ~ 1 + 1 ~ true ~ none }}"), "abc n11TrueNone");
  EXPECT_EQ(render("{{ 1 + 'a' }}"), "<line 1: expected operands of \"+\", got an integer and text>");
  EXPECT_EQ(render("{{ not name is defined }} {{ not 1 == 2 }} {{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }}"),
            "False True True False");
  EXPECT_EQ(render("{{ '' or 'x' }}{{ 'a' and 'b' }}{{ missing and missing.deep }}"), "xb");
  EXPECT_EQ(render("{{ 'y' if name == 'N' else missing.deep }}{{ missing.deep if false }}"), "y");
  EXPECT_EQ(render("{{ [1, 2, 3][1:] | join('-') }} {{ [1, 2, 3][::-1] | join }} {{ 'abc'[-2:] }} {{ [1][5] }}"),
            "2-3 321 bc ");
  EXPECT_EQ(render("{{ 'b' in 'abc' }} {{ 4 not in [1, 2] }} {{ 'role' in messages[0] }}"), "True True True");
  EXPECT_EQ(render("{{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ 3 is odd }}"), "2 True");
  EXPECT_EQ(render("{{ {'a': [1, none, true, 'q\"\\n']} | tojson }}"), "{\"a\": [1, null, true, \"q\\\"\\n\"]}");
  EXPECT_EQ(render(R"({{ 'a\tb\x41\u00e9\'\q' }})"), "a\tbA\xc3\xa9'\\q");
}

TEST(Jinja, WhatIsSetInALoopStaysThere) {
  EXPECT_EQ(render("{% set x = 1 %}{% for m in messages %}{{ x }}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}"), "12121");
  EXPECT_EQ(render("{% set n = namespace(x=1) %}{% for m in messages %}{% set n.x = n.x + 1 %}{% endfor %}{{ n.x }}"),
            "3");
  EXPECT_EQ(render("{% for m in messages %}{{ loop.index }}{{ loop.last }}{% if not loop.last %}, {% endif %}{% endfor "
                   "%}"),
            "1False, 2True");
  EXPECT_EQ(
      render("{% for i in range(9) if i % 2 == 0 %}{% if i == 6 %}{% break %}{% endif %}{% if i == 2 %}{% continue "
             "%}{% endif %}{{ i }}{% else %}none{% endfor %}"),
      "04");
  EXPECT_EQ(render("{% for i in [] %}{{ i }}{% else %}none{% endfor %}"), "none");
  EXPECT_EQ(render("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }}{% endfor %}"), "a1b2");
  EXPECT_EQ(render("{% set t %}[{{ name }}]{% endset %}{{ t }}{% macro m(a) %}{{ a.b.c }}{% endmacro %}"), "[N]");
}

TEST(Jinja, MistakesAreNamedWithTheirLine) {
  EXPECT_EQ(render("\n{{ a.b }}"), "<line 2: expected a value with \"b\", got something undefined>");
  EXPECT_EQ(render("{{ 'a"), "<line 1: expected the end of a string, got the end of the template>");
  EXPECT_EQ(render("{{ 1"), "<line 1: expected \"}}\", got the end>");
  EXPECT_EQ(render("{% if 1 %}"), "<line 1: expected \"endif\", got the end>");
  EXPECT_EQ(render("{{ 1 + }}"), "<line 1: expected an expression, got \"}}\">");
  EXPECT_EQ(render("{{ 1.5 }}"), "<line 1: expected an integer of 64 bits, got \"1.5\">");
  EXPECT_EQ(render("{% break %}"), "<line 1: expected \"break\" in a loop only>");
  EXPECT_EQ(render("{{ name | rot13 }}"), "<line 1: expected a known filter for text, got \"rot13\">");
  EXPECT_EQ(render("{{ f(1) }}"), "<line 1: expected a function such as raise_exception or namespace, got \"f\">");
  EXPECT_EQ(render("{{ 9223372036854775807 + 1 }}"),
            "<line 1: expected an integer of 64 bits, got 9223372036854775807 + 1>");
  EXPECT_EQ(render("\xff"), "<expected UTF-8, got other bytes>");
}

/// Jinja's filters return generators: they are true even if empty, and can be iterated once.
TEST(Jinja, GeneratorsAreUsedOnceOrRefused) {
  EXPECT_EQ(render("{{ messages | selectattr('role') | map(attribute='role') | join(',') }}"), "user,user");
  EXPECT_EQ(render("{{ [3, 1] | reverse | list | length }}{{ [1, 2] | reverse | reverse | length }}"), "22");
  EXPECT_EQ(render("{% set u = messages | selectattr('role') %}{{ u | first is defined }}"), "True");
  EXPECT_EQ(render("{% for k in {'a': 1} | items %}{{ k[0] }}{{ loop.length }}{{ loop.last }}{% endfor %}"), "a1True");
  EXPECT_EQ(
      render("{{ [1, 2] | reverse is iterable }}{{ [1, 2] | reverse is sequence }}{{ [1] | reverse is defined }}"),
      "TrueFalseTrue");
  EXPECT_EQ(render("{% set u = messages | selectattr('role') | list %}{% for m in u %}1{% endfor %}{% for m in u %}2{% "
                   "endfor %}"),
            "1122");
  const std::string set = "{% set u = messages | rejectattr('x') %}",
                    twice = "<line 1: expected a generator to be used once, got a second use of it (it needs | list)>";
  EXPECT_EQ(render(set + "{% for m in u %}1{% endfor %}{% for m in u %}2{% endfor %}"), twice);
  EXPECT_EQ(render(set + "{% set v = u %}{{ u | first }}"), "<line 1: expected text to write, got a dict>");
  EXPECT_EQ(render(set + "{% set v = u | list %}{{ u | join }}"), twice);
  const std::string known = "<line 1: expected operands of \"";
  const std::pair<const char *, std::string> cases[] = {
      {"{% if u %}a{% endif %}", "<line 1: expected a value that is true or false, got a generator (it needs | list)>"},
      {"{{ u or 'x' }}", "<line 1: expected a value that is true or false, got a generator (it needs | list)>"},
      {"{{ u[0] }}", "<line 1: expected a list and a number, got a generator (it needs | list) and an integer>"},
      {"{{ u[1:] }}", "<line 1: expected a list or text to take a part of, got a generator (it needs | list)>"},
      {"{{ u | length }}", "<line 1: expected a known filter for a generator (it needs | list), got \"length\">"},
      {"{{ u | last }}", "<line 1: expected a known filter for a generator (it needs | list), got \"last\">"},
      {"{{ u == [] }}", known + "==\", got a generator (it needs | list)>"},
      {"{{ 1 in u }}", known + "in\", got a generator (it needs | list)>"},
      {"{{ u + [] }}", known + "+\", got a generator (it needs | list) and a list>"},
      {"{{ u }}", "<line 1: expected text to write, got a generator (it needs | list)>"},
      {"{{ [u] }}", "<line 1: expected no generator in a list, got one (it needs | list)>"},
      {"{{ {'a': u} }}", "<line 1: expected no generator in a dict, got one (it needs | list)>"},
      {"{{ messages | selectattr('a.b') | list }}", "<line 1: expected the name of one attribute, got \"a.b\">"},
      {"{{ messages | map(attribute='0') | list }}", "<line 1: expected the name of one attribute, got \"0\">"},
  };
  for (const auto &[source, refusal] : cases)
    EXPECT_EQ(render(set + source), refusal) << source;
}

/// items(), keys() and values() have a length and can be iterated again, but they are not lists.
TEST(Jinja, ViewsOfDictsAreNoLists) {
  const std::string set = "{% set d = {'a': 1} %}{% set v = d.keys() %}";
  EXPECT_EQ(render(set + "{{ v | length }}{{ v | last }}{{ v | first }}{{ v | join }}{{ 'a' in v }}{{ 1 in v }}"),
            "1aaaTrueFalse");
  EXPECT_EQ(render(set + "{% for k in v %}{{ k }}{% endfor %}{% for k in v | reverse %}{{ k }}{% endfor %}"), "aa");
  EXPECT_EQ(render("{% if {}.items() %}a{% else %}b{% endif %}{{ {'a': 1}.items() | list | length }}"), "b1");
  EXPECT_EQ(render(set + "{{ v is sequence }}{{ v is iterable }}{{ (v | list)[0] }}"), "FalseTruea");
  EXPECT_EQ(render(set + "{{ v[0] }}"),
            "<line 1: expected a list and a number, got a generator (it needs | list) and an integer>");
  EXPECT_EQ(render(set + "{{ v == ['a'] }}"),
            "<line 1: expected operands of \"==\", got a generator (it needs | list)>");
  EXPECT_EQ(render(set + "{{ v | tojson }}"),
            "<line 1: expected a value for tojson, got a generator (it needs | list)>");
  EXPECT_EQ(render("{{ messages | map(attribute='x', default='y') | join }}"),
            "<line 1: expected a known filter for a list, got \"map\">");
}

/// The result of `safe` escapes texts that are concatenated with it.
TEST(Jinja, SafeTextIsOnlyWritten) {
  EXPECT_EQ(render("{{ '<' | safe }}{{ ' <' | safe | trim }}{{ 5 | safe is string }}"), "<<True");
  for (const char *source : {"{{ 'a' + '<' | safe }}", "{{ '<' | safe ~ 'a' }}", "{{ ['<' | safe] | join }}",
                             "{% set x = '<' | safe %}", "{{ ('<' | safe) }}", "{{ '<' | safe if true }}"})
    EXPECT_EQ(render(source),
              "<line 1: expected \"safe\" in an output of this value alone, got it in a larger expression>")
        << source;
}

TEST(Jinja, WhiteSpaceOfUnicodeGoesAsInPython) {
  EXPECT_EQ(render("{% if true %}a\u3000\u00a0\u2003{%- endif -%}\x1c\u0085\u2028\x1f b"), "ab");
  EXPECT_EQ(render("{{ 1 -}}\u3000{{ 2 }}x\u3000 \u200b{{- 3 }}"), "12x\u3000 \u200b3");
  EXPECT_EQ(render("a\n\u3000{% if true %}b{% endif %}{{\u00a0"
                   "1 }}"),
            "a\nb1");
}

TEST(Jinja, WhatJinjaDefinesIsDefined) {
  EXPECT_EQ(render("{{ range is defined }} {{ namespace is not undefined }} {{ dict is undefined }} {{ self is not "
                   "defined }} {{ strftime_now is defined }}"),
            "True True False False False");
  EXPECT_EQ(
      render("{{ lipsum is defined and cycler is defined and joiner is defined and raise_exception is defined }}"),
      "True");
  EXPECT_EQ(render("{% set range = 1 %}{{ range }}"), "1");
  EXPECT_EQ(render("{% if range %}a{% endif %}"), "<line 1: expected a call of \"range\", got the function itself>");
  EXPECT_EQ(render("{{ messages[0].items is defined }}"),
            "<line 1: expected a call of the method \"items\" of a dict, got the method itself>");
  EXPECT_EQ(render("{{ messages[0]['get'] is defined }}"),
            "<line 1: expected a call of the method \"get\" of a dict, got the method itself>");
  EXPECT_EQ(render("{{ name.upper is defined }}"),
            "<line 1: expected a call of the method \"upper\" of text, got the method itself>");
  EXPECT_EQ(render("{{ {'items': 1}['items'] }}{{ namespace(items=2).items }}"), "12");
  EXPECT_EQ(render("{% for a in [1] %}{% for b in [1] %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}{{ loop.depth "
                   "}}{% endfor %}"),
            "101");
}

/// The work of a template is limited.
TEST(Jinja, HostileTemplatesEnd) {
  const auto repeated = [](llvm::StringRef text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i)
      out += text;
    return out;
  };
  const std::string tooMuch = "expected a template that is done after 1000000 steps and bytes, got more";
  const std::string tooDeep = "expected at most 48 levels inside each other, got more";
  const std::pair<std::string, std::string> cases[] = {
      {"{% for a in range(2000) %}{% for b in range(2000) %}{% for c in range(2000) %}{% endfor %}{% endfor %}{% "
       "endfor "
       "%}",
       tooMuch},
      {"{% set n = namespace(x='xxxxxxxx') %}{% for a in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}", tooMuch},
      {"{% set n = namespace(x=[1, 2]) %}{% for a in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}", tooMuch},
      {"{% set n = namespace(x=1) %}{% for a in range(999) %}{% set n.x = [n.x] %}{% endfor %}",
       "expected fewer lists inside each other"},
      {"{% set n = namespace(x=1) %}{% for a in range(999) %}{% set n.x = {'a': n.x} %}{% endfor %}",
       "expected fewer dicts inside each other"},
      // Each list has the list before twice: it is small in memory, but has exponentially many elements.
      {"{% set n = namespace(x=1) %}{% for a in range(40) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x == n.x }}",
       tooMuch},
      {std::string(1'000'001, ' '), "expected a template of at most 1000000 bytes, got 1000001"},
      {"{% set n = namespace(x='a' * 1) %}", "expected operands of"},
      {"{% set n = namespace() %}{% set n.x = n %}", "expected a namespace to set \"x\" in, got a namespace"},
      {"{% set n = namespace() %}{% set x = [n] %}", "expected no namespace in a list, got one"},
      {"{{ " + repeated("(", 400'000), "expected \"}}\", got the end"},
      {"{{ " + repeated("(", 400'000) + repeated(")", 400'000) + " }}", tooDeep},
      {"{{ " + repeated("[", 400'000) + repeated("]", 400'000) + " }}", tooDeep},
      {"{{ " + repeated("not ", 200'000) + "1 }}", ""},
      {"{{ " + repeated("-", 400'000) + "1 }}", "expected an expression, got \"-\""},
      {"{{ 1 " + repeated("if 1 else 1 ", 50'000) + " }}", tooDeep},
      {repeated("{% if 1 %}", 50'000), tooDeep},
      {repeated("{% for a in [1] %}", 50'000), tooDeep},
      {"{{ " + repeated("((1 if ", 20) + "1" + repeated(") if 1 else 1)", 20) + " }}", "expected"},
  };
  for (const auto &[source, refusal] : cases) {
    const std::string text = render(source);
    EXPECT_NE(text.find(refusal), std::string::npos) << text.substr(0, 200) << " from " << source.substr(0, 80);
    EXPECT_LT(text.size(), 2000u);
  }
}
