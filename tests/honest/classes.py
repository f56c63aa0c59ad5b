class Counter:
    """Counts what it is told."""

    made = 0

    def __init__(self, start=0):
        self.value = start
        Counter.made += 1

    def add(self, n=1):
        self.value += n
        return self


def execute_command(image):
    a = Counter().add().add(5)
    b = Counter(10)
    return [a.value, b.value, Counter.made, Counter.__doc__]


# ---
class DetectedObject:
    def __init__(self, name, patch):
        self.name = name
        self.patch = patch

    @property
    def area(self):
        return round(self.patch.width * self.patch.height, 2)

    @property
    def color(self):
        if not hasattr(self, "_color"):
            self._color = self.patch.simple_query("What color is it?")
        return self._color

    def __repr__(self):
        return f"<{self.color} {self.name} of {self.area}>"


def execute_command(image):
    objects = [DetectedObject("box", patch) for patch in image.find("box")]
    return [repr(thing) for thing in objects]


# ---
class Animal:
    sound = "..."

    def __init__(self, name):
        self.name = name

    def speak(self):
        return f"{self.name} says {self.sound}"


class Dog(Animal):
    sound = "woof"


class Puppy(Dog):
    def speak(self):
        return super().speak().replace("woof", "yip") + "!"


def execute_command(image):
    zoo = [Animal("it"), Dog("Rex"), Puppy("Bit")]
    return [animal.speak() for animal in zoo] + [isinstance(zoo[2], Dog), issubclass(Dog, Puppy)]


# ---
class Point:
    __slots__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y


def execute_command(image):
    point = Point(3, 4)
    try:
        point.z = 5
    except AttributeError:
        slotted = True
    else:
        slotted = False
    return [point.x + point.y, slotted, hasattr(point, "__dict__"), Point.__slots__]


# ---
class Temperature:
    def __init__(self, celsius):
        self.celsius = celsius

    @property
    def fahrenheit(self):
        return self.celsius * 9 / 5 + 32

    @fahrenheit.setter
    def fahrenheit(self, value):
        if value < -459.67:
            raise ValueError("colder than possible")
        self.celsius = (value - 32) * 5 / 9

    @fahrenheit.deleter
    def fahrenheit(self):
        self.celsius = 0.0


def execute_command(image):
    t = Temperature(100)
    readings = [t.fahrenheit]
    t.fahrenheit = 50
    readings.append(t.celsius)
    try:
        t.fahrenheit = -1000
    except ValueError as error:
        readings.append(str(error))
    del t.fahrenheit
    readings.append(t.fahrenheit)
    return readings


# ---
class A:
    def who(self):
        return ["A"]


class B(A):
    def who(self):
        return ["B"] + super().who()


class C(A):
    def who(self):
        return ["C"] + super().who()


class D(B, C):
    def who(self):
        return ["D"] + super().who()


def execute_command(image):
    return [D().who(), [cls.__name__ for cls in D.__mro__]]


# ---
class Color:
    """A small enumeration without the module for it."""

    _members = {}

    def __new__(cls, name):
        if name not in cls._members:
            member = super().__new__(cls)
            member.name = name
            member.value = len(cls._members)
            cls._members[name] = member
        return cls._members[name]

    def __class_getitem__(cls, name):
        return cls._members[name]


RED, GREEN, BLUE = Color("RED"), Color("GREEN"), Color("BLUE")


def execute_command(image):
    answer = image.simple_query("What color is the tomato?").upper()
    return [Color[answer] is RED, Color("BLUE").value, [m.name for m in Color._members.values()]]


# ---
class Record:
    """Like a dataclass, made by hand from the annotations."""

    name: str
    size: int = 1
    tags: tuple = ()

    def __init__(self, *args, **kwargs):
        fields = list(type(self).__annotations__)
        given = dict(zip(fields, args)) | kwargs
        for field in fields:
            if field in given:
                setattr(self, field, given.pop(field))
            elif hasattr(type(self), field):
                setattr(self, field, getattr(type(self), field))
            else:
                raise TypeError(f"{field} is missing")
        if given:
            raise TypeError(f"unknown: {sorted(given)}")

    def __eq__(self, other):
        return type(other) is type(self) and vars(self) == vars(other)

    def __repr__(self):
        inside = ", ".join(f"{key}={value!r}" for key, value in vars(self).items())
        return f"{type(self).__name__}({inside})"


def execute_command(image):
    one, two = Record("cup", tags=("red",)), Record(name="cup", size=1, tags=("red",))
    complaints = []
    for arguments in ({}, {"name": "x", "weight": 2}):
        try:
            Record(**arguments)
        except TypeError as error:
            complaints.append(str(error))
    return [one == two, repr(one), complaints]


# ---
class Positive:
    """A descriptor that refuses what is not positive."""

    def __set_name__(self, owner, name):
        self.name = "_" + name

    def __get__(self, instance, owner=None):
        return self if instance is None else getattr(instance, self.name)

    def __set__(self, instance, value):
        if value <= 0:
            raise ValueError(f"{self.name[1:]} should be positive, found {value}")
        setattr(instance, self.name, value)


class Rectangle:
    width = Positive()
    height = Positive()

    def __init__(self, width, height):
        self.width = width
        self.height = height


def execute_command(image):
    frame = Rectangle(image.width, image.height)
    try:
        frame.height = -1
        message = ""
    except ValueError as error:
        message = str(error)
    return frame.width * frame.height, message


# ---
class Plugin:
    registry = []

    def __init_subclass__(cls, *, priority=0, **kwargs):
        super().__init_subclass__(**kwargs)
        Plugin.registry.append((priority, cls.__name__))


class Slow(Plugin, priority=5):
    pass


class Fast(Plugin, priority=1):
    pass


class Plain(Plugin):
    pass


def execute_command(image):
    return sorted(Plugin.registry)


# ---
class Shouting(type):
    def __new__(mcs, name, bases, namespace):
        loud = {key.upper() if not key.startswith("__") else key: value for key, value in namespace.items()}
        return super().__new__(mcs, name, bases, loud)

    def __len__(cls):
        return sum(1 for key in vars(cls) if key.isupper())


class Quiet(metaclass=Shouting):
    hello = "hi"

    def answer(self):
        return 42


def execute_command(image):
    return Quiet.HELLO, Quiet().ANSWER(), hasattr(Quiet, "hello"), len(Quiet)


# ---
class Lazy:
    def __getattr__(self, name):
        if name.startswith("is_"):
            return lambda patch: patch.verify_property("object", name[3:])
        raise AttributeError(name)

    def __call__(self, *names):
        return [getattr(self, "is_" + name) for name in names]


def execute_command(image):
    ask = Lazy()
    first = image.find("object")[0]
    answers = [check(first) for check in ask("red", "blue", "round")]
    return answers + [hasattr(ask, "was_red")]


# ---
class MathTools:
    scale = 10

    @staticmethod
    def double(x):
        return 2 * x

    @classmethod
    def scaled(cls, x):
        return cls.scale * x


class BigTools(MathTools):
    scale = 1000


def execute_command(image):
    wide = MathTools.double(image.width)
    return [wide, MathTools.scaled(3), BigTools.scaled(3), BigTools().double("ab")]
