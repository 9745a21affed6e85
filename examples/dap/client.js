// People whose software has @divviup/dap in it. Reads one person a line,
//
//	{"number": 1, "used": true, "minutes": 12, "ratings": [3, 0, 7], "device": 4}
//
// and prints what is uploaded, for COPY: number, question, report. The arguments are what the
// leader and the helper answer who asks for their keys, in hexadecimal digits.
import { createInterface } from "node:readline";
import Task from "@divviup/dap";

const hpkeConfig = {
	"leader.example": Buffer.from(process.argv[2], "hex"),
	"helper.example": Buffer.from(process.argv[3], "hex"),
};
let person, question;

// There is no network here: who would send asks two constants, and prints.
globalThis.fetch = async (url, { method = "GET", body } = {}) => {
	const { hostname, pathname } = new URL(url);

	if (method === "GET" && pathname === "/hpke_config") {
		return new Response(hpkeConfig[hostname], { headers: { "Content-Type": "application/dap-hpke-config-list" } });
	}
	if (method === "PUT" && hostname === "leader.example" && pathname.endsWith("/reports")) {
		console.log(`${person.number}\t${question}\t\\\\x${Buffer.from(body).toString("hex")}`);
		return new Response(null, { status: 201 });
	}
	throw new Error(`what is ${method} ${url}?`);
};

// The same as in server.sql, in the words of the package.
const task = (id, vdaf) =>
	new Task({ id, ...vdaf, leader: "https://leader.example/", helper: "https://helper.example/", timePrecisionSeconds: 3600 });
const tasks = {
	used: task("qSQ9i5ye9YDk4QGNZniGXOQSVoa2dy7OBwZBgahhx3c", { type: "count" }),
	minutes: task("wlMN6c1VNguH9apJxGikWDzC5O1wVyYev5TIRyX2XHs", { type: "sum", bits: 8 }),
	ratings: task("Oo3caFrzs9yYW7kU43WvsfBB0kctj4Wqab3uI62x26Q", { type: "sumVec", length: 3, bits: 4, chunkLength: 3 }),
	device: task("UJHcgtqpVgzWj9g3iBC0cSYYlpP80H_QOS446ze5eng", { type: "histogram", length: 5, chunkLength: 2 }),
};

for await (const line of createInterface({ input: process.stdin })) {
	person = JSON.parse(line);
	for (question of Object.keys(tasks)) {
		await tasks[question].sendMeasurement(person[question]);
	}
}
