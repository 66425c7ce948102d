import { TestEnvironment } from 'jest-environment-node';

/** More examples than usual take as long as they take; what hangs among them must end some time. */
const { SPUMONI_TEST_SOAK: soak, SPUMONI_TEST_RUNS: runs } = process.env;
const isLong = soak === '1' || runs !== undefined;

/** The least that a test or a hook is given, whatever limit it states. */
const LEAST_MS = isLong ? 4 * 3_600_000 : 120_000;

/**
 * Node, where no test fails because the machine was slow. A limit of time ends what hangs; it measures nothing. What a quiet machine does in a second
 * has taken a minute beside other work, and a virtual machine may stand still for seconds, so shorter limits than two minutes (in a long run four hours) are lengthened to that.
 */
export default class PatientEnvironment extends TestEnvironment {
  handleTestEvent({ name, test, hook }) {
    const started = name === 'test_fn_start' ? test : name === 'hook_start' ? hook : undefined;
    // One that states no limit has the configuration's, which knows of no long run.
    if (started !== undefined) started.timeout = Math.max(started.timeout ?? 0, LEAST_MS);
  }
}
