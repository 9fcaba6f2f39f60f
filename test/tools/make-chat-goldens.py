#!/usr/bin/env python3
"""Writes what transformers renders from the chat templates in test/frontends/tokenizer/Inputs/templates: NAME.json beside each.

Needs jinja2, and uses it as apply_chat_template does. There is no strftime_now: templates use their own date, and
a template without one is recorded as refused. The templates follow the published ones of the families.
"""
import json
import pathlib

import jinja2
import jinja2.sandbox

TEXTS = ["Hello, who are you?", "  two\n\nlines with  space \n", "a"]
folder = pathlib.Path(__file__).resolve().parent.parent / "frontends/tokenizer/Inputs/templates"


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                           extensions=["jinja2.ext.loopcontrols"])
environment.globals["raise_exception"] = raise_exception
environment.filters["tojson"] = lambda x, indent=None: json.dumps(x, ensure_ascii=False, indent=indent)

for path in sorted(folder.glob("*.jinja")):
    rendered = []
    for text in TEXTS:
        try:
            rendered.append(environment.from_string(path.read_text()).render(
                messages=[{"role": "user", "content": text}], tools=None, documents=None, add_generation_prompt=True,
                bos_token="<bos>", eos_token="<eos>"))
        except jinja2.exceptions.UndefinedError as error:
            print(f"{path.name}: refused: {error}")
            rendered = []
            break
    golden = {"texts": TEXTS, "rendered": rendered}
    path.with_suffix(".json").write_text(json.dumps(golden, indent=1) + "\n")
