// Runs named tests one after another and counts them. A failed one prints why and the rest go on.

const kTestLimit = 120_000;   // for machines that are busy: what is waited for has bounds of its own

export class Runner {
  constructor(filter, deadline) {
    this.filter = filter;
    this.deadline = deadline;
    this.passed = [];
    this.failed = [];
    this.skipped = [];
  }

  // A group of tests that share participants; what `body` starts it ends by `group.after`.
  async group(name, body) {
    if (this.filter !== null && !this.filter.test(name)) return;
    if (Date.now() > this.deadline) return this.skip(name, "the time for all tests is over");
    const ends = [];
    const group = {
      after: (end) => ends.unshift(end),
      test: (what, run, limit) => this.test(`${name}: ${what}`, run, limit),
      skip: (what, why) => this.skip(`${name}: ${what}`, why),
      note: (text) => console.log(`     ${name}: ${text}`),
    };
    try {
      await body(group);
    } catch (error) {
      this.fail(`${name}: set up`, error);
    }
    for (const end of ends) {
      try {
        await Promise.race([end(), new Promise((done) => setTimeout(done, 10_000))]);
      } catch (error) {
        console.log(`     ${name}: at the end: ${error.message}`);
      }
    }
  }

  async test(name, run, limit = kTestLimit) {
    if (Date.now() > this.deadline) return this.skip(name, "the time for all tests is over");
    const begin = Date.now();
    let timer;
    try {
      const over = new Promise((_, fail) => (timer = setTimeout(() => fail(new Error(`not done within ${limit / 1000} s`)), limit)));
      await Promise.race([run(), over]);
      this.passed.push(name);
      console.log(`PASS ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
      return true;
    } catch (error) {
      this.fail(name, error);
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  fail(name, error) {
    this.failed.push(name);
    const text = process.env.E2E_TRACE ? error.stack : error.message;
    console.log(`FAIL ${name}: ${String(text ?? error).split("\n").slice(0, process.env.E2E_TRACE ? 12 : 3).join(" | ")}`);
  }

  skip(name, why) {
    this.skipped.push(name);
    console.log(`SKIP ${name}: ${why}`);
  }
}
