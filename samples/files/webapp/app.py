"""A guest book: the web application of the sample systems."""

import json
import pathlib

from flask import Flask, redirect, render_template, request

HERE = pathlib.Path(__file__).parent
application = Flask(__name__)
entries = []


@application.get("/")
def show_entries():
    return render_template("index.html", entries=entries)


@application.post("/")
def add_entry():
    text = request.form.get("text", "").strip()
    if text:
        entries.append(text[:500])
    return redirect("/")


@application.get("/health")
def health():
    return json.loads((HERE / "build-info.json").read_text(encoding="utf-8"))
