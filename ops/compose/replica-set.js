/* global Mongo, fs, sleep, print */
// Run by mongosh: makes the replica set `spumoni` where there is none, and waits until it has a primary.
const members = ['mongodb-1:27017', 'mongodb-2:27017', 'mongodb-3:27017'];
const password = encodeURIComponent(fs.readFileSync('/run/secrets/mongodb_password', 'utf8').trim());
const url = `mongodb://spumoni:${password}@${members[0]}/admin?directConnection=true&authSource=admin`;
const SECONDS = 120;
/** MongoDB's word for a member that belongs to no replica set yet. */
const NOT_YET_INITIALIZED = 94;

/** True once there is a primary; makes the set where there is none. A member that is still starting is asked again. */
function hasPrimary() {
  const admin = new Mongo(url).getDB('admin');
  try {
    return admin.runCommand({ replSetGetStatus: 1 }).members.some(({ stateStr }) => stateStr === 'PRIMARY');
  } catch (error) {
    if (error.code !== NOT_YET_INITIALIZED) throw error;
    const config = { _id: 'spumoni', members: members.map((host, index) => ({ _id: index, host })) };
    admin.runCommand({ replSetInitiate: config });
    return false;
  }
}

let trouble;
for (let second = 0; ; second += 1) {
  if (second > SECONDS) throw new Error('the replica set has no primary after two minutes', { cause: trouble });
  try {
    if (hasPrimary()) break;
  } catch (error) {
    trouble = error;
  }
  sleep(1000);
}
print('the replica set has a primary');
