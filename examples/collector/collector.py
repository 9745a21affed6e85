"""A collector, behind nginx: each request brings one share, which goes to the database.

gunicorn runs a few processes of it, with a connection each. What the database refuses has a SQLSTATE with a
status of HTTP in it. What it could not do is 503, and the client sends the same share again.
"""

import http
import json
import os
import sys

import psycopg2

connection = None


def take(batch, share):
	"""Hands a share to the database. If the connection broke, it is not known whether the share is there: so it is sent again."""
	global connection
	fresh = connection is None or connection.closed
	if fresh:
		connection = psycopg2.connect(os.environ["COLLECTOR_DATABASE"])
		connection.autocommit = True
	try:
		with connection.cursor() as cursor:
			cursor.execute("SELECT prio_processor.import_share(%s, share => %s)", (batch, share))
	except psycopg2.Error:
		if fresh or not connection.closed:
			raise
		take(batch, share)


def answer(environ):
	"""What to tell a client: a status, and why. nginx has seen to method, path and length."""
	try:
		batch = environ["PATH_INFO"].split("/")[2].encode("latin-1").decode()
		share = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()
		take(batch, share)
	except ValueError:  # not UTF-8, or with a zero byte
		return 400, {"error": "this is no text"}
	except psycopg2.Error as error:
		code = error.pgcode or ""
		if code.startswith("PT"):
			return int(code[2:]), {"error": error.diag.message_primary, "detail": error.diag.message_detail, "hint": error.diag.message_hint}
		if code.startswith("22") or code == "54001":
			return 400, {"error": "this is no JSON, or too deep"}
		print("collector: no share was taken:", code or type(error).__name__, file=sys.stderr)
		return 503, {"error": "not now", "hint": "Send the same share again later, under the same id."}
	return 200, {}


def application(environ, start_response):
	status, body = answer(environ)
	headers = [("Content-Type", "application/json")]
	if status == 503:
		headers.append(("Retry-After", "2"))
	start_response(f"{status} {http.HTTPStatus(status).phrase}", headers)
	return [json.dumps(body).encode() + b"\n"]
