;;; aid-client.el --- The connection to AID's daemon  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; One process (`aid connect') a project, started where the project is: on its host, for a remote
;; one.  Nothing here waits for the daemon: what is asked before it is ready is sent once it is, and
;; answers come to functions.
;;
;; Documents and the edits that the daemon asks for are `aid-documents'.

;;; Code:

(require 'cl-lib)
(require 'eieio)
(require 'jsonrpc)
(require 'project)
(require 'seq)
(require 'subr-x)
(require 'url-util)
(require 'aid-protocol)

(defgroup aid nil
  "Changes to a project by a local daemon, each checked by the project's own build."
  :group 'tools
  :prefix "aid-")

(defcustom aid-command (alist-get 'command aid-protocol-settings)
  "The program that connects to the daemon, and its arguments.
It is looked for on the project's host."
  :type '(repeat string))

(defcustom aid-enable (eq t (alist-get 'enable aid-protocol-settings))
  "Whether `aid-global-mode' takes files into its care.
It may be set for a project in its .dir-locals.el."
  :type 'boolean
  :safe #'booleanp)

(defcustom aid-log-level (alist-get 'log_level aid-protocol-settings)
  "What the daemon says unasked is shown from this level on.
With \"debug\", all that goes over the wire is kept in an events buffer."
  :type '(choice (const "debug") (const "info") (const "warning") (const "error")))

(defclass aid-connection (jsonrpc-process-connection)
  ((root :initarg :root :documentation "The project's directory, as Emacs names it.")
   (ready :initform nil :documentation "Whether `initialize' was answered.")
   (waiting :initform nil :documentation "Functions to call once it is ready, the last one first.")
   (sent :initform nil :documentation "The id of the request sent last.")
   (listening :initform nil :documentation "An alist: token, function of an update.")
   (progress :initform nil :documentation "An alist: token, what is being done for it, in words.")
   (diagnostics :initform (make-hash-table :test #'equal) :documentation "By URI.")
   (build :initform nil :documentation "What `aid/buildChanged' said last."))
  "A project's.")

(defvar aid--connections (make-hash-table :test #'equal)
  "The connections, by root.")

(defvar aid--asked 0
  "How many prompts were sent.")

(defvar aid-changed-functions nil
  "Called with a connection when its build or diagnostics changed.")

(cl-defmethod jsonrpc-connection-send :before ((connection aid-connection) &key id method &allow-other-keys)
  "Remember the ID of a request of CONNECTION: it is what cancels it.
One without METHOD is an answer."
  (when (and id method)
    (setf (slot-value connection 'sent) id)))

(defun aid--say (level format &rest arguments)
  "Show a message of FORMAT and ARGUMENTS if LEVEL is high enough."
  (let ((levels '("debug" "info" "warning" "error")))
    (when (>= (seq-position levels level) (or (seq-position levels aid-log-level) 0))
      (message "AID: %s" (apply #'format-message format arguments)))))

;;; Places

(defun aid--find-root (directory)
  "Return the root of the project that DIRECTORY is in, or nil.
It is the nearer one of what project.el says and a directory with an aid.toml."
  (let* ((project (project-current nil directory))
         (found (delq nil (list (and project (project-root project))
                                (locate-dominating-file directory "aid.toml")
                                (locate-dominating-file directory ".hg")))))
    (setq found (mapcar (lambda (each) (file-name-as-directory (file-truename each))) found))
    (car (sort found (lambda (one other) (> (length one) (length other)))))))

(defvar-local aid-root nil
  "The root of the project that the buffer is about, once it was looked for.")

(defun aid-root ()
  "Return the root of the current buffer's project.  Signal an error where there is none."
  (or aid-root
      (aid--find-root default-directory)
      (user-error "%s is in no project: it needs a .git, a .hg or an aid.toml above it" default-directory)))

(defun aid--workspace (root)
  "Return ROOT as the daemon, on the project's host, names it."
  (directory-file-name (file-local-name root)))

(defun aid--path-to-uri (path)
  "Return the URI of the file PATH on its own host."
  (concat "file://" (url-hexify-string (file-local-name path) url-path-allowed-chars)))

(defun aid--uri-to-path (uri root)
  "Return the file of URI, as Emacs names it for a project at ROOT."
  (let ((path (url-unhex-string (replace-regexp-in-string "\\`file://\\(localhost\\)?" "" uri))))
    (concat (file-remote-p root) (decode-coding-string path 'utf-8))))

;;; Connecting

(defun aid--connection (root)
  "Return the connection of the project at ROOT, or nil."
  (let ((found (gethash root aid--connections)))
    (and found (jsonrpc-running-p found) found)))

(defun aid-connect (root)
  "Return the connection of the project at ROOT, made if need be."
  (or (aid--connection root)
      (let ((default-directory root))
        (unless (executable-find (car aid-command) t)
          (user-error "There is no program \"%s\": install AID, or name it in `aid-command'" (car aid-command)))
        (puthash root (aid--start root) aid--connections))))

(defun aid--start (root)
  "Start the process of the project at ROOT and say `initialize'."
  (let* ((name (format "aid %s" (abbreviate-file-name root)))
         (size (if (equal aid-log-level "debug") 2000000 0))
         (connection
          (apply #'make-instance 'aid-connection
                 :name name :root root
                 :process (lambda () (aid--process name root))
                 :request-dispatcher #'aid--asked-of-us
                 :notification-dispatcher #'aid--told
                 :on-shutdown #'aid--ended
                 (if (> emacs-major-version 29)
                     (list :events-buffer-config (list :size size :format 'full))
                   (list :events-buffer-scrollback-size size)))))
    (jsonrpc-async-request connection :initialize (aid--initialize root)
                           :timeout nil
                           :success-fn (lambda (result) (aid--initialized connection result))
                           :error-fn (lambda (failure) (aid--say "error" "%s" (plist-get failure :message))))
    connection))

(defun aid--process (name root)
  "Start `aid-command' as NAME in ROOT, on its host."
  (let ((default-directory root))
    (make-process :name name
                  :command (if (file-remote-p root)
                               ;; TRAMP may give it a terminal, which would change line ends and echo
                               (list "sh" "-c" (concat "stty raw -echo 2>/dev/null; exec "
                                                       (mapconcat #'shell-quote-argument aid-command " ")))
                             aid-command)
                  :connection-type 'pipe
                  :coding 'utf-8-emacs-unix
                  :noquery t
                  :stderr (get-buffer-create (format "*%s stderr*" name))
                  :file-handler t)))

(defun aid--initialize (root)
  "Return the params of `initialize' for ROOT."
  (let ((uri (aid--path-to-uri (directory-file-name root))))
    (list :processId (unless (file-remote-p root) (emacs-pid))
          :clientInfo (list :name "Emacs" :version emacs-version)
          :rootUri uri
          :workspaceFolders (vector (list :uri uri :name (file-name-nondirectory (directory-file-name root))))
          :initializationOptions '(:build_changed t)
          :capabilities
          '(:general (:positionEncodings ["utf-32"])    ; a character is one in Emacs, too
            :workspace (:applyEdit t
                        :workspaceEdit (:documentChanges t :resourceOperations ["create" "rename" "delete"]))
            :textDocument (:synchronization (:didSave t) :publishDiagnostics (:versionSupport :json-false))
            :window (:workDoneProgress t)))))

(defun aid--initialized (connection result)
  "Let CONNECTION do what waited; RESULT is the daemon's word on itself."
  (unless (equal (plist-get (plist-get result :capabilities) :positionEncoding) "utf-32")
    (aid--say "error" "the daemon can't count characters as Emacs does: update AID"))
  (jsonrpc-notify connection :initialized (make-hash-table))
  (setf (slot-value connection 'ready) t)
  (dolist (each (nreverse (cl-shiftf (slot-value connection 'waiting) nil)))
    (funcall each)))

(defun aid--ended (connection)
  "Forget CONNECTION, whose process is gone."
  (let ((root (slot-value connection 'root)))
    (when (eq connection (gethash root aid--connections))
      (remhash root aid--connections))
    (run-hook-with-args 'aid-changed-functions connection)
    (force-mode-line-update t)))

(defun aid-disconnect ()
  "End the connection of this project; the daemon goes on.
The next command makes a new one."
  (interactive)
  (let ((connection (aid--connection (aid-root))))
    (when connection
      (jsonrpc-shutdown connection))))

(defun aid--when-ready (connection function)
  "Call FUNCTION now, or once CONNECTION was taken up by the daemon."
  (if (slot-value connection 'ready)
      (funcall function)
    (push function (slot-value connection 'waiting))))

;;; Asking

(defvar aid-before-request-functions nil
  "Called with a connection before something is asked on it.")

(defun aid-request (root method params done &optional failed)
  "Ask METHOD with PARAMS of the daemon of the project at ROOT.
DONE is called with the result.  FAILED is called with what went wrong, in words; without it the
person is told.  The value is a function that cancels."
  (let ((connection (aid-connect root)) (id nil) (cancelled nil))
    (aid--when-ready
     connection
     (lambda ()
       (if cancelled
           (funcall (or failed #'ignore) "cancelled")
         (run-hook-with-args 'aid-before-request-functions connection)
         (jsonrpc-async-request
          connection method params :timeout nil
          ;; by timer: sending from a process filter may lose messages (bug#60088)
          :success-fn (lambda (result) (run-at-time 0 nil done result))
          :error-fn (lambda (failure) (run-at-time 0 nil #'aid--failed failed failure)))
         (setq id (slot-value connection 'sent)))))
    (lambda ()
      (setq cancelled t)
      (when (and id (jsonrpc-running-p connection))
        (jsonrpc-notify connection :$/cancelRequest (list :id id))))))

(defun aid--failed (failed failure)
  "Tell FAILED, else the person, of FAILURE, a JSON-RPC error."
  (let* ((message (plist-get failure :message))
         (told (pcase (plist-get failure :code)
                 (-32800 "cancelled")
                 (-1 "the connection ended: ask again")
                 (_ message))))
    (if failed (funcall failed told) (aid--say "error" "%s" told))))

(defun aid-prompt (root params update done failed)
  "Ask for a change in the project at ROOT, by `aid/prompt' with PARAMS.
UPDATE is called with each update; DONE and FAILED are as for `aid-request', as is the value."
  (let ((token (format "emacs-%d-%d" (emacs-pid) (cl-incf aid--asked)))
        (connection (aid-connect root)))
    (push (cons token update) (slot-value connection 'listening))
    (aid--progress connection token "asking")
    (let ((over (lambda (then)
                  (lambda (value)
                    (setf (alist-get token (slot-value connection 'listening) nil t #'equal) nil)
                    (aid--progress connection token nil)
                    (funcall then value)))))
      (aid-request root :aid/prompt `(:workspace ,(aid--workspace root) :token ,token ,@params)
                   (funcall over done) (funcall over failed)))))

(defun aid--progress (connection token words)
  "Show WORDS as what is being done on CONNECTION for TOKEN; nil: no more."
  (setf (alist-get token (slot-value connection 'progress) nil t #'equal) words)
  (force-mode-line-update t))

;;; What the daemon says

(defun aid--told (connection method params)
  "Take the notification METHOD with PARAMS on CONNECTION."
  (pcase method
    ('aid/update
     (let* ((token (aid-protocol-update-params-token params))
            (listener (alist-get token (slot-value connection 'listening) nil nil #'equal))
            (line (aid-protocol-update-params-line params)))
       (unless (or (null listener) (string-empty-p line))
         (aid--progress connection token line))
       (when listener (funcall listener params))))
    ('aid/buildChanged
     (setf (slot-value connection 'build) params)
     (force-mode-line-update t))
    ('textDocument/publishDiagnostics
     (puthash (plist-get params :uri) (append (plist-get params :diagnostics) nil)
              (slot-value connection 'diagnostics))
     (run-hook-with-args 'aid-changed-functions connection))
    ('$/progress
     (let ((value (plist-get params :value)))
       (aid--progress connection (plist-get params :token)
                      (unless (equal (plist-get value :kind) "end")
                        (or (plist-get value :message) (plist-get value :title))))))
    ((or 'window/showMessage 'window/logMessage)
     (aid--say (nth (min 3 (- 4 (plist-get params :type))) '("debug" "info" "warning" "error"))
               "%s" (plist-get params :message)))))

(declare-function aid--apply-edit "aid-documents" (connection edit))

(defun aid--asked-of-us (connection method params)
  "Answer the request METHOD with PARAMS on CONNECTION."
  (pcase method
    ('workspace/applyEdit (aid--apply-edit connection (plist-get params :edit)))
    ('window/workDoneProgress/create nil)
    ('client/registerCapability nil)
    ('workspace/configuration (make-vector (length (plist-get params :items)) nil))
    (_ (jsonrpc-error :code -32601 :message (format "Emacs has no %s" method)))))

(provide 'aid-client)
;;; aid-client.el ends here
