import { TestEnvironment } from 'jest-environment-node';

/** The least that a test or a hook is given, whatever limit it states. */
const LEAST_MS = 120_000;

/**
 * Node, where no test fails because the machine was slow. A limit of time ends what hangs; it measures nothing. What a quiet machine does in a second
 * has taken a minute beside other work, and a virtual machine may stand still for seconds, so shorter limits than two minutes are lengthened to that.
 */
export default class PatientEnvironment extends TestEnvironment {
  handleTestEvent({ name, test, hook }) {
    const started = name === 'test_fn_start' ? test : name === 'hook_start' ? hook : undefined;
    if (started?.timeout !== undefined) started.timeout = Math.max(started.timeout, LEAST_MS);
  }
}
