import type { ControlPlane } from '#libs/metadata';

/** Runs a change, and makes this process see it from then on: others are told by the store. */
export function changing<Arguments extends unknown[], T>(
  { configuration }: ControlPlane,
  change: (...given: Arguments) => Promise<T>,
): (...given: Arguments) => Promise<T> {
  return async (...given) => {
    try {
      return await change(...given);
    } finally {
      configuration.invalidate();
    }
  };
}

/** The stores of users and keys, so that who was given a key can use it at once, and who lost one cannot any more. */
export function currentIdentities(plane: ControlPlane): Pick<ControlPlane, 'users' | 'keys'> {
  const { users, keys } = plane;
  return {
    users: {
      get: (id) => users.get(id),
      find: (name) => users.find(name),
      findById: (id) => users.findById(id),
      list: (page) => users.list(page),
      create: changing(plane, (user) => users.create(user)),
      update: changing(plane, (id, change) => users.update(id, change)),
      delete: changing(plane, (id) => users.delete(id)),
      createFirstAdministrator: changing(plane, (user) => users.createFirstAdministrator(user)),
    },
    keys: {
      get: (id) => keys.get(id),
      find: (id) => keys.find(id),
      list: (page) => keys.list(page),
      create: changing(plane, (userId, key) => keys.create(userId, key)),
      rotate: changing(plane, (id, sealed) => keys.rotate(id, sealed)),
      reseal: changing(plane, (id, from, to) => keys.reseal(id, from, to)),
      setDisabled: changing(plane, (id, disabled) => keys.setDisabled(id, disabled)),
      delete: changing(plane, (id) => keys.delete(id)),
    },
  };
}
